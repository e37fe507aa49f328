package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sidecart/sidecart/services/internal/auth"
	"github.com/sidecart/sidecart/services/internal/event"
	"github.com/sidecart/sidecart/services/internal/money"
	"github.com/sidecart/sidecart/services/internal/state"
	"github.com/sidecart/sidecart/services/internal/state/statetest"
	"github.com/sidecart/sidecart/services/product/internal/catalogue"
	"github.com/sidecart/sidecart/services/product/internal/search"
	"github.com/sidecart/sidecart/services/product/internal/store"
	"github.com/sidecart/sidecart/test/stack"
)

// users stands in for the user service: it has nothing but a key.
type users struct{ private ed25519.PrivateKey }

func serveUsers(t *testing.T, bench *stack.Bench) users {
	public, private, err := ed25519.GenerateKey(nil)
	require.NoError(t, err)
	port := stack.FreePort(t)
	listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	require.NoError(t, err)
	server := &http.Server{ReadHeaderTimeout: time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = json.NewEncoder(w).Encode(auth.KeySet{Keys: []auth.Key{{KeyType: "OKP", Curve: "Ed25519", ID: "k", X: base64.RawURLEncoding.EncodeToString(public)}}})
	})}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	bench.Sidecar("user", port).WaitReady(t)
	return users{private}
}

func (u users) admin(t *testing.T) string {
	token := jwt.NewWithClaims(jwt.SigningMethodEdDSA, auth.Claims{Role: auth.Admin, RegisteredClaims: jwt.RegisteredClaims{
		Subject: "somebody", Issuer: auth.Issuer, Audience: jwt.ClaimStrings{auth.Issuer}, ExpiresAt: jwt.NewNumericDate(time.Now().Add(time.Minute)),
	}})
	token.Header["kid"] = "k"
	text, err := token.SignedString(u.private)
	require.NoError(t, err)
	return text
}

// replica is the service as its main runs it, beside a real sidecar.
type replica struct {
	sidecar *stack.SidecarHandle
	app     string
	token   string
	stop    func()
}

func startReplica(t *testing.T, bench *stack.Bench) *replica {
	port := stack.FreePort(t)
	sidecar := bench.Sidecar("product", port)
	r := &replica{sidecar: sidecar, app: "http://" + net.JoinHostPort("127.0.0.1", strconv.Itoa(port))}
	getenv := sidecar.Getenv(map[string]string{"SWEEP_INTERVAL": "1s"})
	r.token = getenv("APP_API_TOKEN")
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- run(ctx, getenv, io.Discard) }()
	stopped := false
	r.stop = func() {
		if !stopped {
			stopped = true
			cancel()
			require.NoError(t, <-done, "an orderly stop")
		}
	}
	t.Cleanup(r.stop)
	sidecar.WaitReady(t)
	return r
}

// call asks the replica itself, so that it is known which one answers.
func (r *replica) call(t require.TestingT, admin, method, path, body string) (int, map[string]any) {
	req, err := http.NewRequest(method, r.app+path, strings.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("dapr-api-token", r.token)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Authorization", "Bearer "+admin)
	}
	res, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer res.Body.Close()
	var answer map[string]any
	require.NoError(t, json.NewDecoder(res.Body).Decode(&answer))
	return res.StatusCode, answer
}

func (r *replica) publish(t *testing.T, topic string, e event.Event) {
	body, err := json.Marshal(e)
	require.NoError(t, err)
	res, err := http.Post(r.sidecar.URL+"/v1.0/publish/pubsub/"+topic, "application/cloudevents+json", bytes.NewReader(body))
	require.NoError(t, err)
	defer res.Body.Close()
	require.Equal(t, http.StatusNoContent, res.StatusCode)
}

// nobody is a broker that is away.
type nobody struct{}

func (nobody) Publish(context.Context, string, ...event.Event) error { return state.ErrUnavailable }

func TestTheIndexIsFilledFromStateAlone(t *testing.T) {
	products := store.New(statetest.NewMemory(), nobody{}, time.Now)
	index, err := search.New()
	require.NoError(t, err)
	for i := range 250 {
		_, _, err := products.Create(t.Context(), "", catalogue.Draft{Name: fmt.Sprintf("Mug %d", i), Category: "kitchen", Price: money.Money{Amount: 100, Currency: "EUR"}})
		require.NoError(t, err)
	}
	require.False(t, index.IsComplete())
	require.NoError(t, fill(t.Context(), products, index))
	require.True(t, index.IsComplete())
	for _, q := range []search.Query{{Limit: 300}, {Limit: 300, Text: "mug"}} {
		page, err := index.Page(q)
		require.NoError(t, err)
		require.Len(t, page.Products, 250)
	}
}

// Two replicas beside real sidecars on a real Redis: what one is told both know, the stock
// reaches both, and a replica that starts later has the catalogue from state.
func TestReplicasBesideTheirSidecars(t *testing.T) {
	bench := stack.NewBench(t)
	admin := serveUsers(t, bench).admin(t)
	one, other := startReplica(t, bench), startReplica(t, bench)
	const mug = `{"name":"Enamel mug","category":"kitchen","price":{"amount":1450,"currency":"EUR"}}`

	status, p := one.call(t, admin, "POST", "/products", mug)
	require.Equal(t, 201, status, p)
	id := p["id"].(string)
	finds := func(r *replica, query string, version, available float64) {
		t.Helper()
		require.EventuallyWithT(t, func(t *assert.CollectT) {
			status, page := r.call(t, "", "GET", "/products?"+query, "")
			require.Equal(t, 200, status)
			require.Len(t, page["items"], 1)
			found := page["items"].([]any)[0].(map[string]any)
			require.Equal(t, id, found["id"])
			require.Equal(t, version, found["version"])
			require.Equal(t, available, found["availability"].(map[string]any)["available"])
		}, 20*time.Second, 50*time.Millisecond)
	}
	finds(one, "q=enamle+mug", 1, 0)
	finds(other, "q=enamle+mug", 1, 0)

	e, err := event.New("inventory", "stock.changed.v1", id, 1, time.Now(), map[string]any{"productId": id, "version": 1, "onHand": 9, "held": 2, "available": 7})
	require.NoError(t, err)
	one.publish(t, "stock", e)
	finds(one, "category=kitchen", 1, 7)
	finds(other, "category=kitchen", 1, 7)

	status, p = other.call(t, admin, "PATCH", "/product?id="+id, `{"name":"Steel cup"}`)
	require.Equal(t, 200, status, p)
	finds(one, "q=cup", 2, 7)

	one.stop()
	other.stop()
	finds(startReplica(t, bench), "q=cup", 2, 7)
}
