package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sidecart/sidecart/contracts/contracttest"
)

func TestTheCatalogueIsWorthShowing(t *testing.T) {
	var articles []map[string]any
	require.NoError(t, json.Unmarshal(data, &articles))
	require.GreaterOrEqual(t, len(articles), 60)
	draft := contracttest.OpenAPI(t, "product").Components.Schemas["Draft"].Value
	categories, slugs, names, scarce := map[any]int{}, map[any]bool{}, map[any]bool{}, 0
	for _, a := range articles {
		slug, stock := a["slug"], a["stock"].(float64)
		require.False(t, slugs[slug], "%s twice", slug)
		require.False(t, names[a["name"]], "%s twice", a["name"])
		slugs[slug], names[a["name"]] = true, true
		require.Regexp(t, `^[a-z0-9-]{1,50}$`, slug)
		require.NotEmpty(t, a["description"], "%s", slug)
		require.Equal(t, "EUR", a["price"].(map[string]any)["currency"], "%s", slug)
		if stock == 0 || stock == 3 {
			scarce++
		} else {
			require.True(t, stock >= 50 && stock <= 500, "stock of %s", slug)
		}
		categories[a["category"]]++
		delete(a, "slug")
		delete(a, "stock")
		require.NoError(t, draft.VisitJSON(a), "%s", slug)
	}
	require.Len(t, categories, 6)
	for category, n := range categories {
		require.GreaterOrEqual(t, n, 8, "%s", category)
	}
	require.InDelta(t, 4, scarce, 2, "a few are scarce")
}

// shop is a gateway that is slow to come up and remembers what it was asked under which key.
type shop struct {
	mu       sync.Mutex
	requests map[string]string
	stock    map[string]int64
	calls    int
}

func (s *shop) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	var body bytes.Buffer
	_, _ = body.ReadFrom(r.Body)
	key := r.Header.Get("Idempotency-Key")
	known, again := s.requests[key]
	refuse := func(status int, code string) {
		w.WriteHeader(status)
		fmt.Fprintf(w, `{"status":%d,"code":%q}`, status, code)
	}
	switch id, isReceipt := strings.CutSuffix(strings.TrimPrefix(r.URL.Path, "/api/inventory/"), "/receipts"); {
	case s.calls%7 == 1:
		refuse(503, "unavailable")
	case r.URL.Path == "/api/sessions":
		fmt.Fprint(w, `{"accessToken":"t"}`)
	case r.Header.Get("Authorization") != "Bearer t" || key == "":
		refuse(401, "unauthenticated")
	case isReceipt && s.calls%5 == 1:
		refuse(404, "not_found")
	case again && known != body.String():
		refuse(422, "idempotency_key_reused")
	case isReceipt:
		if !again {
			var receipt struct{ Quantity int64 }
			_ = json.Unmarshal(body.Bytes(), &receipt)
			s.stock[id] += receipt.Quantity
			s.requests[key] = body.String()
		}
		fmt.Fprintf(w, `{"productId":%q}`, id)
	default:
		if !again {
			s.requests[key] = body.String()
			w.WriteHeader(201)
		}
		fmt.Fprintf(w, `{"id":"id-of-%s"}`, key)
	}
}

func TestLoadingTwiceChangesNothing(t *testing.T) {
	s := &shop{requests: map[string]string{}, stock: map[string]int64{}}
	server := httptest.NewServer(s)
	defer server.Close()
	env := map[string]string{"GATEWAY_URL": server.URL, "ADMIN_EMAIL": "admin@sidecart.test", "ADMIN_PASSWORD": "secret"}
	getenv := func(name string) string { return env[name] }
	var articles []article
	require.NoError(t, json.Unmarshal(data, &articles))
	want, pieces := map[string]int64{}, 0
	for _, a := range articles {
		if a.Stock > 0 {
			want["id-of-seed-"+a.Slug] = a.Stock
			pieces++
		}
	}
	for _, created := range []int{len(articles), 0} {
		var out bytes.Buffer
		require.NoError(t, run(t.Context(), getenv, &out))
		require.Equal(t, fmt.Sprintf("%d products: %d created, %d already there, 0 with other data left alone; stock of %d received\n",
			len(articles), created, len(articles)-created, pieces), out.String())
		require.Equal(t, want, s.stock)
	}
	s.requests["seed-"+articles[0].Slug] = "of another edition"
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), getenv, &out))
	require.Contains(t, out.String(), "1 with other data left alone")

	delete(env, "ADMIN_PASSWORD")
	require.ErrorContains(t, run(t.Context(), getenv, &out), "ADMIN_PASSWORD")
}
