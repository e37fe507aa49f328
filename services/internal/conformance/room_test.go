//go:build conformance

// Package conformance tries what every Go service does with a sidecar on the pair of engines that
// STATE and PUBSUB name: documents through dapr.Store, events through subscribe.Receiver. It is the
// part of test/conformance that only code below services may contain.
package conformance

import (
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/gorilla/mux"
	"github.com/stretchr/testify/require"

	"github.com/sidecart/sidecart/services/internal/dapr"
	"github.com/sidecart/sidecart/test/stack"
)

// patience is the longest that anything may take that has no bound of its own.
const patience = time.Minute

// service runs an app of that id beside a sidecar and answers its client. mount adds its routes.
func service(t *testing.T, bench *stack.Bench, id string, mount func(*dapr.Client, *mux.Router)) *dapr.Client {
	t.Helper()
	router := mux.NewRouter()
	router.Path("/readyz").HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{}`)) })
	server := httptest.NewUnstartedServer(router)
	t.Cleanup(server.Close)
	sidecar := bench.Sidecar(id, server.Listener.Addr().(*net.TCPAddr).Port)
	t.Cleanup(sidecar.Kill9)
	getenv := sidecar.Getenv(nil)
	client, err := dapr.Dial("127.0.0.1", getenv("DAPR_HTTP_PORT"), getenv("DAPR_GRPC_PORT"), getenv("DAPR_API_TOKEN"))
	require.NoError(t, err)
	t.Cleanup(func() { _ = client.Close() })
	if mount != nil {
		mount(client, router)
	}
	server.Start()
	sidecar.WaitReady(t)
	return client
}
