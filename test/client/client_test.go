package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The example of the Standard Webhooks specification.
func TestSign(t *testing.T) {
	got, err := Sign("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 0), []byte(`{"test": 2432232314}`))
	require.NoError(t, err)
	require.Equal(t, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", got)
}

func serve(t *testing.T, handler http.HandlerFunc) Client {
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return New(server.URL + "/")
}

func TestPlaceOrderSendsWhatTheContractSays(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, `{"id":"o1","status":"confirmed","customerId":%q}`, fmt.Sprint(r.Method, r.URL, r.Header["Authorization"],
			r.Header["Idempotency-Key"], r.Header["Prefer"], r.Header["Content-Type"], string(body)))
	}).As("secret")
	o, err := c.PlaceOrder(t.Context(), "k", Purchase{Items: []Item{{"p", 2}}, PaymentToken: "tok_ok"}, 3*time.Second)
	require.NoError(t, err)
	require.True(t, o.Final())
	require.Equal(t, `POST/api/orders [Bearer secret] [k] [wait=3] [application/json]{"items":[{"productId":"p","quantity":2}],`+
		`"paymentToken":"tok_ok","shippingAddress":{"name":"","street":"","city":"","postalCode":"","country":""}}`, o.CustomerID)
}

func TestRetryEndsWhenItShould(t *testing.T) {
	calls := 0
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		calls++
		switch {
		case r.URL.Path == "/api/orders/gone":
			w.WriteHeader(http.StatusNotFound)
			fmt.Fprint(w, `{"code":"not_found","detail":"no such order"}`)
		case calls < 3:
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusServiceUnavailable)
		default:
			fmt.Fprint(w, `{"id":"o1","status":"cancelled"}`)
		}
	})
	_, err := c.Order(t.Context(), "o1")
	var p *Problem
	require.ErrorAs(t, err, &p)
	require.Equal(t, time.Second, p.RetryAfter)
	require.True(t, Temporary(err))

	o, err := Retry(t.Context(), func(ctx context.Context) (Order, error) { return c.Order(ctx, "o1") })
	require.NoError(t, err)
	require.Equal(t, Cancelled, o.Status)
	require.Equal(t, 3, calls)

	_, err = Retry(t.Context(), func(ctx context.Context) (Order, error) { return c.Order(ctx, "gone") })
	require.ErrorAs(t, err, &p)
	require.Equal(t, "not_found", p.Code)

	_, err = New("http://127.0.0.1:1").Order(t.Context(), "x")
	require.True(t, Temporary(err), "nobody listens: it may come up")
	require.False(t, Temporary(errors.New("else")))
}

func TestAllProductsFollowsCursors(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Query().Get("cursor") {
		case "":
			fmt.Fprint(w, `{"items":[{"id":"1"},{"id":"2"}],"nextCursor":"a b"}`)
		case "a b":
			fmt.Fprint(w, `{"items":[{"id":"3"}],"nextCursor":""}`)
		}
	})
	all, err := c.AllProducts(t.Context())
	require.NoError(t, err)
	require.Len(t, all, 3)
}
