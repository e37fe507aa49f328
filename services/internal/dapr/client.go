// Package dapr is the service's side of its sidecar: state, publishing, secrets and
// invocation, with the doubts about the sidecar's word built in (DESIGN R7).
package dapr

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
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

// callTimeout bounds one call to the sidecar but invocations, which bring a deadline of their own.
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
	each := func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
		ctx, cancel := context.WithTimeout(ctx, callTimeout)
		defer cancel()
		if token != "" {
			// Both client libraries of the SDK lose the outgoing trace when they add the token, so it is added here.
			ctx = metadata.AppendToOutgoingContext(ctx, "dapr-api-token", token)
		}
		return invoke(ctx, method, req, reply, cc, opts...)
	}
	const large = 16 << 20
	conn, err := grpc.NewClient("passthrough:///"+host+":"+grpcPort,
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(large), grpc.MaxCallSendMsgSize(large)),
		grpc.WithUnaryInterceptor(each), grpc.WithStatsHandler(otelgrpc.NewClientHandler()))
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

// SDK is the Dapr client itself, for what only one service needs; its calls are bounded and authenticated like all others.
func (c *Client) SDK() client.Client { return c.grpc }

// Publish sends events to a topic, as a rule in one call, and returns when the broker has them all.
// After an error any of them may have arrived: publish all again, their ids stay the same.
func (c *Client) Publish(ctx context.Context, topic string, events ...event.Event) error {
	for _, some := range chunks(events, func(e event.Event) int { return len(e.Data) }) {
		entries := make([]any, len(some))
		for i, e := range some {
			body, err := json.Marshal(e.Inject(ctx))
			if err != nil {
				return fmt.Errorf("dapr: encode %s: %w", e.Type, err)
			}
			// The subject as partition key keeps one aggregate's events in order on brokers that know partitions.
			entries[i] = client.PublishEventsEvent{
				EntryID: strconv.Itoa(i), Data: body, ContentType: "application/cloudevents+json",
				Metadata: map[string]string{"partitionKey": e.Subject},
			}
		}
		res := c.grpc.PublishEvents(ctx, "pubsub", topic, entries)
		// The SDK's error wraps nil when only some entries failed.
		if res.Error != nil || len(res.FailedEvents) > 0 {
			return fmt.Errorf("%w: publish to %s: %d of %d events: %w", state.ErrUnavailable, topic, len(res.FailedEvents), len(some), errors.Join(res.Error))
		}
	}
	return nil
}
