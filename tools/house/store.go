package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dapr/go-sdk/client"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/sidecart/sidecart/tools/internal/local"
)

const (
	// chunk is how many documents one call reads.
	chunk = 50
	// atOnce is how many one call writes: the sidecar writes them in parallel, and where the store lets one
	// writer in at a time, all of them have to get their turn within its 3 s.
	atOnce = 10
	// tries is how often a write may fail without getting any further.
	tries = 5
)

// store is what a service keeps, through its sidecar.
type store struct {
	local.Store
	dapr client.Client
	// list prints the keys as the engine's script does.
	list func(ctx context.Context, app string) (string, error)
}

// newStore talks to the gRPC port of the app's sidecar.
func newStore(s local.Store, port int, list func(context.Context, string) (string, error)) (*store, func() error, error) {
	conn, err := grpc.NewClient("passthrough:///127.0.0.1:"+strconv.Itoa(port),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(bodyLimit<<20), grpc.MaxCallSendMsgSize(bodyLimit<<20)))
	if err != nil {
		return nil, nil, err
	}
	return &store{s, client.NewClientWithConnection(conn), list}, conn.Close, nil
}

// keys lists the documents, without their values, in the order of keys.
func (s *store) keys(ctx context.Context) ([]document, error) {
	out, err := s.list(ctx, s.App)
	if err != nil {
		return nil, err
	}
	var all []document
	for line := range strings.Lines(out) {
		key, expires, _ := strings.Cut(strings.TrimRight(line, "\n"), "\t")
		if key == "" {
			continue
		}
		d := document{Key: key}
		if expires != "" {
			if d.Expires, err = strconv.ParseInt(expires, 10, 64); err != nil {
				return nil, fmt.Errorf("%s: the engine's script printed %q: %w", s.App, line, err)
			}
		}
		all = append(all, d)
	}
	slices.SortFunc(all, func(a, b document) int { return strings.Compare(a.Key, b.Key) })
	return slices.CompactFunc(all, func(a, b document) bool { return a.Key == b.Key }), nil
}

// values reads what is there of some documents.
func (s *store) values(ctx context.Context, documents []document) (map[string][]byte, error) {
	if len(documents) == 0 {
		return nil, nil
	}
	keys := make([]string, len(documents))
	for i, d := range documents {
		keys[i] = d.Key
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	read, err := s.dapr.GetBulkState(ctx, s.Component, keys, nil, chunk)
	if err != nil {
		return nil, fmt.Errorf("reading what %s keeps: %w", s.App, err)
	}
	found := make(map[string][]byte, len(read))
	for _, r := range read {
		if r.Error != "" {
			return nil, fmt.Errorf("reading %s of %s: %s", r.Key, s.App, r.Error)
		}
		if r.Etag != "" { // absent documents have none
			found[r.Key] = r.Value
		}
	}
	return found, nil
}

// create writes documents where there are none; one that came between is not replaced. What a call has
// written when it fails is read, and the rest tried again, as a store under load is merely slow.
func (s *store) create(ctx context.Context, documents []document) error {
	for failed := 0; len(documents) > 0; {
		some := documents[:min(atOnce, len(documents))]
		cause := s.save(ctx, some, time.Now())
		if cause == nil {
			documents = documents[len(some):]
			failed = 0
			continue
		}
		values, err := s.values(ctx, some)
		if err != nil {
			return errors.Join(cause, err)
		}
		before := len(documents)
		documents = slices.DeleteFunc(documents, func(d document) bool { return values[d.Key] != nil })
		if failed++; len(documents) < before {
			failed = 0
		}
		if failed == tries || ctx.Err() != nil {
			return cause
		}
	}
	return nil
}

func (s *store) save(ctx context.Context, documents []document, now time.Time) error {
	items := make([]*client.SetStateItem, 0, len(documents))
	for _, d := range documents {
		item := &client.SetStateItem{Key: d.Key, Value: d.Value,
			Options: &client.StateOptions{Concurrency: client.StateConcurrencyFirstWrite, Consistency: client.StateConsistencyStrong}}
		if d.Expires != 0 {
			item.Metadata = map[string]string{"ttlInSeconds": strconv.FormatInt(max(1, d.Expires-now.Unix()), 10)}
		}
		items = append(items, item)
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := s.dapr.SaveBulkState(ctx, s.Component, items...); err != nil {
		return fmt.Errorf("writing what %s keeps: %w", s.App, err)
	}
	return nil
}

// comparison of a section of the file with what the store has.
type comparison struct {
	found     footerLine // what of the section the store has
	wanted    footerLine // all of it but what has expired
	expiring  int
	missing   []string // keys of documents that the store should have
	different string   // key of a document that is another one in the store
	extra     string   // key of a document that only the store has
}

func (c comparison) equal() bool { return c.found == c.wanted && len(c.missing) == 0 && c.extra == "" }

// compare reads the next section of the file and every document of it in the store.
func (s *store) compare(ctx context.Context, file *reader, now func() time.Time) (c comparison, err error) {
	listed, err := s.keys(ctx)
	if err != nil {
		return c, err
	}
	only := make(map[string]bool, len(listed))
	for _, d := range listed {
		only[d.Key] = true
	}
	found, wanted := newTally(), newTally()
	_, err = file.section(s.App, func(documents []document) error {
		values, err := s.values(ctx, documents)
		if err != nil {
			return err
		}
		for _, d := range documents {
			value, ok := values[d.Key]
			delete(only, d.Key)
			if d.Expires != 0 {
				c.expiring++
			}
			if !ok && expired(d, now()) {
				continue
			}
			wanted.add(d)
			switch {
			case !ok:
				c.missing = append(c.missing, d.Key)
			case !bytes.Equal(value, d.Value):
				c.different = d.Key
			}
			if ok {
				found.add(document{Key: d.Key, Value: value})
			}
		}
		return nil
	})
	for key := range only {
		c.extra = key
	}
	c.found, c.wanted = found.footer(s.App), wanted.footer(s.App)
	return c, err
}

// expired allows for another clock at the engine.
func expired(d document, now time.Time) bool { return d.Expires != 0 && d.Expires <= now.Unix()+5 }

var errChanged = errors.New("something else writes to the store")
