// Package dapr is the service's side of its sidecar: state, publishing, secrets and
// invocation, with the doubts about the sidecar's word built in (DESIGN R7).
package dapr

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/dapr/go-sdk/client"
	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	"github.com/sidecart/sidecart/services/internal/event"
	"github.com/sidecart/sidecart/services/internal/state"
)

// callTimeout bounds one call to the sidecar's state, pub/sub and secrets.
const callTimeout = 5 * time.Second

// Client talks to one sidecar. Safe for concurrent use.
type Client struct {
	grpc     client.Client
	conn     *grpc.ClientConn
	http     *http.Client
	httpBase string
	token    string
}

// Dial prepares a client for the sidecar on the given local ports; it does not wait for
// the sidecar, which starts beside the service. token is the sidecar's API token, or empty.
func Dial(host, httpPort, grpcPort, token string) (*Client, error) {
	// Both client libraries of the SDK lose the outgoing trace when they add the token, so it is added here.
	withToken := func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
		if token != "" {
			ctx = metadata.AppendToOutgoingContext(ctx, "dapr-api-token", token)
		}
		return invoke(ctx, method, req, reply, cc, opts...)
	}
	const large = 16 << 20
	conn, err := grpc.NewClient("passthrough:///"+host+":"+grpcPort,
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(large), grpc.MaxCallSendMsgSize(large)),
		grpc.WithUnaryInterceptor(withToken), grpc.WithStatsHandler(otelgrpc.NewClientHandler()))
	if err != nil {
		return nil, fmt.Errorf("dapr: dial: %w", err)
	}
	transport := &http.Transport{MaxIdleConnsPerHost: 256, IdleConnTimeout: time.Minute}
	return &Client{
		grpc: client.NewClientWithConnection(conn), conn: conn, token: token,
		http: &http.Client{Transport: otelhttp.NewTransport(transport)}, httpBase: "http://" + host + ":" + httpPort,
	}, nil
}

// Close ends the connection.
func (c *Client) Close() error { return c.conn.Close() }

// Secret reads one value of the secret store named secrets.
func (c *Client) Secret(ctx context.Context, name string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	values, err := c.grpc.GetSecret(ctx, "secrets", name, nil)
	if err != nil {
		return "", fmt.Errorf("dapr: secret %s: %w", name, err)
	}
	if values[name] == "" {
		return "", fmt.Errorf("dapr: secret %s is empty", name)
	}
	return values[name], nil
}

// Ready answers nil when the sidecar has loaded its components and serves.
func (c *Client) Ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.httpBase+"/v1.0/healthz/outbound", nil)
	if err != nil {
		return err
	}
	res, err := c.http.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusNoContent {
		return fmt.Errorf("dapr: sidecar answers %d", res.StatusCode)
	}
	return nil
}

// Publish sends events to a topic in one call and returns when the broker has them all.
// After an error any of them may have arrived: publish all again, their ids stay the same.
func (c *Client) Publish(ctx context.Context, topic string, events ...event.Event) error {
	if len(events) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	entries, err := publishEntries(ctx, events)
	if err != nil {
		return err
	}
	res := c.grpc.PublishEvents(ctx, "pubsub", topic, entries)
	// The SDK's error wraps nil when only some entries failed.
	if res.Error != nil || len(res.FailedEvents) > 0 {
		return fmt.Errorf("%w: publish to %s: %d of %d events: %w", state.ErrUnavailable, topic, len(res.FailedEvents), len(events), errors.Join(res.Error))
	}
	return nil
}

// SendMail hands a message to the output binding named email. Errors as from the binding.
func (c *Client) SendMail(ctx context.Context, body []byte, headers map[string]string) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	return c.grpc.InvokeOutputBinding(ctx, &client.InvokeBindingRequest{Name: "email", Operation: "create", Data: body, Metadata: headers})
}

// HasComponent tells whether the sidecar has loaded a component of that name.
func (c *Client) HasComponent(ctx context.Context, name string) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	meta, err := c.grpc.GetMetadata(ctx)
	if err != nil {
		return false, fmt.Errorf("dapr: metadata: %w", err)
	}
	for _, component := range meta.RegisteredComponents {
		if component.Name == name {
			return true, nil
		}
	}
	return false, nil
}
