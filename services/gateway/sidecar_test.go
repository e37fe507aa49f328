package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sidecart/sidecart/services/internal/auth"
	"github.com/sidecart/sidecart/services/internal/dapr"
	"github.com/sidecart/sidecart/services/internal/problem"
	"github.com/sidecart/sidecart/test/stack"
)

// TestThroughRealSidecars is the way to a service and back through both daprds, and what
// is left of it when the service dies.
func TestThroughRealSidecars(t *testing.T) {
	product := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/readyz":
			_ = problem.WriteJSON(w, http.StatusOK, map[string]string{"status": "ready"})
		case "/products":
			_ = problem.WriteJSON(w, http.StatusOK, map[string]string{"q": r.URL.Query().Get("q"), "client": r.Header.Get("X-Client")})
		case "/product":
			problem.Write(w, problem.InField(problem.NotFound, "id", "there is no product %q", r.URL.Query().Get("id")))
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	t.Cleanup(product.Close)
	shop := behindRealSidecars(t, product)

	got := shop.send(t, "GET", "/api/products?q=a%26b", "", http.Header{"Dapr-App-Id": {"cart"}, "X-Client": {"x"}})
	require.Equal(t, http.StatusOK, got.status, got.body)
	assert.JSONEq(t, `{"q": "a&b", "client": ""}`, got.body)

	got = shop.send(t, "GET", "/api/products/a%26b", "", nil)
	requireProblem(t, got, problem.NotFound, "GET", "/api/products/{id}")
	assert.Contains(t, got.body, `there is no product \"a\u0026b\"`)

	// A service that was never there.
	requireProblem(t, shop.send(t, "POST", "/api/sessions", "{}", nil), problem.Unavailable, "POST", "/api/sessions")

	// A service that dies under load: whatever its sidecar makes of that, no client takes it for an answer.
	var clients sync.WaitGroup
	dead := make(chan struct{})
	for range 8 {
		clients.Go(func() {
			for n := 0; n < 40; n++ {
				if n == 5 {
					<-dead
				}
				res, err := http.Get(shop.server.URL + "/api/products?q=x")
				if !assert.NoError(t, err) {
					return
				}
				body, _ := io.ReadAll(res.Body)
				_ = res.Body.Close()
				if res.StatusCode != http.StatusOK {
					assert.Equal(t, http.StatusServiceUnavailable, res.StatusCode)
					assert.Contains(t, string(body), `"code":"unavailable"`)
				} else {
					assert.Less(t, n, 5, "the service is dead")
					assert.NotEmpty(t, body)
				}
			}
		})
	}
	product.CloseClientConnections()
	product.Close()
	close(dead)
	clients.Wait()
}

// behindRealSidecars is a gateway whose product service is the given app; no other service runs.
func behindRealSidecars(t *testing.T, product *httptest.Server) *shop {
	t.Helper()
	port := func(address string) int {
		parsed, err := url.Parse(address)
		require.NoError(t, err)
		number, err := strconv.Atoi(parsed.Port())
		require.NoError(t, err)
		return number
	}
	shop := newShop(t, nil)
	bench := stack.NewBench(t)
	theirs := bench.Sidecar("product", port(product.URL))
	ours := bench.Sidecar("gateway", port(product.URL)) // it only has to see an app
	theirs.WaitReady(t)
	ours.WaitReady(t)
	client, err := dapr.Dial("127.0.0.1", strconv.Itoa(port(ours.URL)), "1", ours.Getenv(nil)("DAPR_API_TOKEN"))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, client.Close()) })
	shop.gateway.sidecar, shop.verifier = client, auth.FromUser(client)
	require.NoError(t, shop.mount(shop.router, routes()))
	return shop
}
