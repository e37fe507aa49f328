package stack

import (
	"context"
	"fmt"
	"net"
	"strconv"

	"github.com/dapr/go-sdk/client"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// Corrupt changes a document of an app behind its back, through the app's sidecar, so whatever the
// engine is; key is without the app's prefix. change is given the document as it is stored and
// answers another, or "" to remove it; restore puts back what was there.
func (s *Stack) Corrupt(ctx context.Context, app, key string, change func(document string) string) (restore func(context.Context) error, err error) {
	before, _, err := s.document(ctx, app, key)
	if err != nil {
		return nil, err
	}
	after := change(before)
	if before == "" || after == before {
		return nil, fmt.Errorf("%s: nothing was corrupted: %q", key, before)
	}
	if err := s.overwrite(ctx, app, key, after); err != nil {
		return nil, err
	}
	return func(ctx context.Context) error { return s.overwrite(ctx, app, key, before) }, nil
}

// document as it is stored, and its ETag; both empty when there is none.
func (s *Stack) document(ctx context.Context, app, key string) (document, etag string, err error) {
	err = s.sidecarClient(app, func(c client.Client) error {
		item, err := c.GetStateWithConsistency(ctx, app+"-state", key, nil, client.StateConsistencyStrong)
		if err == nil {
			document, etag = string(item.Value), item.Etag
		}
		return err
	})
	return document, etag, err
}

func (s *Stack) overwrite(ctx context.Context, app, key, document string) error {
	_, etag, err := s.document(ctx, app, key)
	if err != nil {
		return err
	}
	options := client.StateOptions{Concurrency: client.StateConcurrencyFirstWrite, Consistency: client.StateConsistencyStrong}
	item := client.SetStateItem{Key: key, Value: []byte(document), Options: &options}
	if etag != "" {
		item.Etag = &client.ETag{Value: etag}
	}
	return s.sidecarClient(app, func(c client.Client) error {
		if document == "" {
			return c.DeleteStateWithETag(ctx, app+"-state", key, item.Etag, nil, &options)
		}
		return c.SaveBulkState(ctx, app+"-state", &item)
	})
}

func (s *Stack) sidecarClient(app string, do func(client.Client) error) error {
	u, ok := s.units[app]
	if !ok {
		return fmt.Errorf("the stack has no app %s", app)
	}
	conn, err := grpc.NewClient("passthrough:///"+net.JoinHostPort("127.0.0.1", strconv.Itoa(u.app.GRPC)),
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer conn.Close()
	return do(client.NewClientWithConnection(conn))
}
