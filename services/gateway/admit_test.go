package main

import (
	"bytes"
	"crypto/ed25519"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sidecart/sidecart/services/internal/auth"
	"github.com/sidecart/sidecart/services/internal/problem"
)

// TestRefusedRequestsReachNoService goes through what the gateway itself refuses.
func TestRefusedRequestsReachNoService(t *testing.T) {
	shop := newShop(t, routes())
	_, foreign, err := ed25519.GenerateKey(nil)
	require.NoError(t, err)
	bearer := func(token string) http.Header { return http.Header{"Authorization": {"Bearer " + token}} }
	text := shop.customer.Clone()
	text.Set("Content-Type", "text/plain")
	tests := map[string]struct {
		method, path, body string
		header             http.Header
		code               problem.Code
		field              string
	}{
		"no token":               {"GET", "/api/cart", "", nil, problem.Unauthenticated, "Authorization"},
		"no bearer token":        {"GET", "/api/cart", "", http.Header{"Authorization": {"Basic YTpi"}}, problem.Unauthenticated, "Authorization"},
		"expired token":          {"GET", "/api/cart", "", bearer(shop.stand.token(t, "customer", -time.Minute)), problem.Unauthenticated, "Authorization"},
		"foreign token":          {"GET", "/api/cart", "", bearer(sign(t, foreign, auth.Admin, time.Hour)), problem.Unauthenticated, "Authorization"},
		"customer as admin":      {"POST", "/api/products", "{}", shop.customer, problem.Forbidden, ""},
		"unknown parameter":      {"GET", "/api/products?colour=red", "", nil, problem.InvalidParameter, "colour"},
		"internal parameter":     {"GET", "/api/orders/1?id=2", "", shop.customer, problem.InvalidParameter, "id"},
		"repeated parameter":     {"GET", "/api/products?q=a&q=b", "", nil, problem.InvalidParameter, "q"},
		"malformed query":        {"GET", "/api/products?q=%zz", "", nil, problem.InvalidParameter, ""},
		"semicolon in the query": {"GET", "/api/products?q=a;b", "", nil, problem.InvalidParameter, ""},
		"wrong content type":     {"POST", "/api/orders", "{}", text, problem.UnsupportedMediaType, "Content-Type"},
		"no content type":        {"POST", "/api/orders", "", shop.customer, problem.UnsupportedMediaType, "Content-Type"},
		"body too large":         {"POST", "/api/orders", strings.Repeat(" ", problem.MaxBody+1), shop.customer, problem.TooLarge, ""},
		"unknown service":        {"GET", "/api/admin/dead-letters?service=user", "", shop.admin, problem.InvalidParameter, "service"},
		"no service":             {"POST", "/api/admin/dead-letters/1/replay", "", shop.admin, problem.InvalidParameter, "service"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := shop.send(t, test.method, test.path, test.body, test.header)
			requireProblem(t, got, test.code, test.method, test.path)
			if test.field != "" {
				assert.Contains(t, got.body, `"field":"`+test.field+`"`)
			}
			assert.Empty(t, shop.stand.heard())
		})
	}
}

func TestABodyOfUnknownLengthIsBoundedToo(t *testing.T) {
	shop := newShop(t, routes())
	post := func(size int) int {
		// A reader that says no length makes the client send chunks.
		body := io.MultiReader(bytes.NewReader(make([]byte, size)))
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, shop.server.URL+"/api/sessions", body)
		require.NoError(t, err)
		req.Header.Set("Content-Type", "application/json")
		res, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		defer res.Body.Close()
		return res.StatusCode
	}
	assert.Equal(t, http.StatusOK, post(problem.MaxBody))
	assert.Len(t, shop.stand.heard()[0].Body, problem.MaxBody)
	assert.Equal(t, http.StatusRequestEntityTooLarge, post(problem.MaxBody+1))
	assert.Len(t, shop.stand.heard(), 1)
}

func TestABodyThatTheCallDoesNotTakeIsNotPassedOn(t *testing.T) {
	shop := newShop(t, routes())
	got := shop.send(t, "POST", "/api/orders/1/cancel", `{"id": "2"}`, shop.customer)
	require.Equal(t, http.StatusOK, got.status, got.body)
	assert.Empty(t, shop.stand.heard()[0].Body)
}

func TestTokensCannotBeCheckedWithoutKeys(t *testing.T) {
	shop := newShop(t, routes())
	shop.stand.Close()
	requireProblem(t, shop.send(t, "GET", "/api/cart", "", shop.customer), problem.Unavailable, "GET", "/api/cart")
}

func TestAnUnknownMethodLearnsTheKnownOnes(t *testing.T) {
	shop := newShop(t, routes())
	got := shop.send(t, "PUT", "/api/orders", "{}", nil)
	assert.Equal(t, http.StatusMethodNotAllowed, got.status)
	assert.Equal(t, "POST, GET", got.header.Get("Allow"))
	assert.Equal(t, "nosniff", got.header.Get("X-Content-Type-Options"))
}
