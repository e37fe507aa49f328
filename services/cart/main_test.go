package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"github.com/sidecart/sidecart/services/internal/auth"
	"github.com/sidecart/sidecart/services/internal/problem"
	"github.com/sidecart/sidecart/test/stack"
)

const (
	ada = "01890a5d-ac96-774b-bcce-b302099a8057"
	mug = "01890a5d-ac96-774b-bcce-b302099a8101"
	tea = "01890a5d-ac96-774b-bcce-b302099a8104"
)

// peers is one app in place of the user and the product service, beside a sidecar for each.
func peers(t *testing.T, bench *stack.Bench) (bearer string) {
	t.Helper()
	public, private, err := ed25519.GenerateKey(nil)
	require.NoError(t, err)
	router := http.NewServeMux()
	router.HandleFunc("GET /jwks", func(w http.ResponseWriter, _ *http.Request) {
		_ = problem.WriteJSON(w, http.StatusOK, auth.KeySet{Keys: []auth.Key{{Curve: "Ed25519", ID: "key", X: base64.RawURLEncoding.EncodeToString(public)}}})
	})
	router.HandleFunc("GET /product", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("id") != mug {
			problem.Write(w, problem.New(problem.NotFound, "no such product"))
			return
		}
		_ = problem.WriteJSON(w, http.StatusOK, json.RawMessage(`{"id":"`+mug+`","version":1,"name":"Enamel mug","description":"","category":"kitchen",
			"price":{"amount":1450,"currency":"EUR"},"retired":false,"availability":{"available":1,"inStock":true}}`))
	})
	app := httptest.NewServer(router)
	t.Cleanup(app.Close)
	at, err := url.Parse(app.URL)
	require.NoError(t, err)
	port, err := strconv.Atoi(at.Port())
	require.NoError(t, err)
	bench.Sidecar("user", port)
	bench.Sidecar("product", port)

	token := jwt.NewWithClaims(jwt.SigningMethodEdDSA, auth.Claims{RegisteredClaims: jwt.RegisteredClaims{
		Issuer: auth.Issuer, Audience: jwt.ClaimStrings{auth.Issuer}, Subject: ada, ExpiresAt: jwt.NewNumericDate(time.Now().Add(time.Hour)),
	}})
	token.Header["kid"] = "key"
	bearer, err = token.SignedString(private)
	require.NoError(t, err)
	return bearer
}

func start(t *testing.T, sidecar *stack.SidecarHandle) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, sidecar.Getenv(nil), io.Discard) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-ended)
	})
	sidecar.WaitReady(t)
}

func send(t *testing.T, method, target, kind string, header http.Header, body string) (int, []byte) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, target, bytes.NewReader([]byte(body)))
	require.NoError(t, err)
	r.Header = header.Clone()
	r.Header.Set("Content-Type", kind)
	res, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return res.StatusCode, answer
}

type view struct {
	CartID string
	Items  []struct {
		ProductID string
		Quantity  int
		UnitPrice struct{ Amount int }
	}
}

func TestTheServiceBesideItsSidecar(t *testing.T) {
	bench := stack.NewBench(t)
	bearer := peers(t, bench)
	sidecar := bench.Sidecar("cart", stack.FreePort(t))
	start(t, sidecar)
	invocation := http.Header{"Dapr-App-Id": {"cart"}, "Authorization": {"Bearer " + bearer}}
	call := func(status int, method, path, body string) (v view) {
		t.Helper()
		got, answer := send(t, method, sidecar.URL+path, "application/json", invocation, body)
		require.Equal(t, status, got, "%s", answer)
		require.NoError(t, json.Unmarshal(answer, &v))
		return v
	}
	publish := func(topic, kind, data string) {
		t.Helper()
		event := fmt.Sprintf(`{"specversion":"1.0","id":"1","type":%q,"source":"/services/test","subject":"s","datacontenttype":"application/json","data":%s}`, kind, data)
		status, answer := send(t, http.MethodPost, sidecar.URL+"/v1.0/publish/pubsub/"+topic, "application/cloudevents+json", http.Header{}, event)
		require.Equal(t, http.StatusNoContent, status, "%s", answer)
	}
	shows := func(condition func(v view) bool) {
		t.Helper()
		require.Eventually(t, func() bool { return condition(call(http.StatusOK, http.MethodGet, "/cart", "")) }, 20*time.Second, 50*time.Millisecond)
	}

	// The sidecars of the peers may still be starting; then it is unavailable, and nothing worse.
	require.Eventually(t, func() bool {
		status, answer := send(t, http.MethodPut, sidecar.URL+"/cart/item?productId="+mug, "application/json", invocation, `{"quantity":3}`)
		require.Contains(t, []int{http.StatusOK, http.StatusServiceUnavailable}, status, "%s", answer)
		return status == http.StatusOK
	}, 20*time.Second, 50*time.Millisecond)
	call(http.StatusUnprocessableEntity, http.MethodPut, "/cart/item?productId="+tea, `{"quantity":1}`)

	publish("catalog", "product.created.v1", `{"productId":"`+tea+`","version":1,"name":"Tea","description":"","category":"kitchen","price":{"amount":500,"currency":"EUR"},"retired":false}`)
	publish("catalog", "product.changed.v1", `{"productId":"`+mug+`","version":2,"name":"Enamel mug","description":"","category":"kitchen","price":{"amount":1600,"currency":"EUR"},"retired":false}`)
	shows(func(v view) bool { return v.Items[0].UnitPrice.Amount == 1600 })
	require.Eventually(t, func() bool {
		status, _ := send(t, http.MethodPut, sidecar.URL+"/cart/item?productId="+tea, "application/json", invocation, `{"quantity":1}`)
		return status == http.StatusOK
	}, 20*time.Second, 50*time.Millisecond)

	before := call(http.StatusOK, http.MethodGet, "/cart", "")
	order := `{"orderId":"o","customerId":"` + ada + `","cartId":"` + before.CartID + `","lines":[{"productId":"` + mug + `","quantity":2},{"productId":"` + tea + `","quantity":1}]}`
	publish("orders", "order.confirmed.v1", order)
	publish("orders", "order.confirmed.v1", order)
	shows(func(v view) bool { return v.CartID != before.CartID })
	after := call(http.StatusOK, http.MethodGet, "/cart", "")
	require.Len(t, after.Items, 1)
	require.Equal(t, 1, after.Items[0].Quantity)

	left, err := sidecar.Redis.Do(3, "TTL", "cart||cart-"+ada)
	require.NoError(t, err)
	seconds, err := strconv.Atoi(left[0])
	require.NoError(t, err)
	require.Greater(t, seconds, 29*24*3600)
}
