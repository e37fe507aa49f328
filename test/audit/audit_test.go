package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sidecart/sidecart/test/audit/internal/books"
	"github.com/sidecart/sidecart/test/stack/manifest"
)

// sidecar answers as all sidecars would, for 150 orders without any lines, two of which are listed twice.
func sidecar(t *testing.T) *reader {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		var in struct{ OrderIDs []string }
		_ = json.Unmarshal(body, &in)
		switch call := r.Header.Get("dapr-app-id") + r.URL.String(); call {
		case "order/orders/streams?page=1", "order/orders/streams?page=2", "order/orders/streams?page=3":
			var p page[books.Order]
			var number int
			fmt.Sscanf(call, "order/orders/streams?page=%d", &number)
			for i := range 50 + 2*(3-number) {
				p.Orders = append(p.Orders, books.Order{OrderID: fmt.Sprintf("o-%d", (number-1)*50+i)})
			}
			p.NextPage = (number + 1) % 4
			_ = json.NewEncoder(w).Encode(map[string]any{"orders": p.Orders, "nextPage": p.NextPage})
		case "inventory/stock/list?page=1":
			fmt.Fprint(w, `{"items":[{"productId":"mug","onHand":3,"holds":[{"orderId":"o","quantity":1}]}],"nextPage":0}`)
		case "inventory/reservations/query", "payment/payments/query", "notification/notifications/query", "orderquery/entries/query":
			var records []map[string]string
			for _, id := range in.OrderIDs {
				records = append(records, map[string]string{"orderId": id})
			}
			_, what, _ := strings.Cut(strings.TrimSuffix(call, "/query"), "/")
			_ = json.NewEncoder(w).Encode(map[string]any{what: records})
		default:
			w.WriteHeader(http.StatusOK) // as for a dead app
		}
	}))
	t.Cleanup(server.Close)
	r := &reader{http: server.Client(), sidecars: map[string]string{}}
	for _, app := range []string{"order", "inventory", "payment", "notification", "orderquery"} {
		r.sidecars[app] = server.URL
	}
	return r
}

func TestReadPagesAndBatches(t *testing.T) {
	r := sidecar(t)
	b, err := r.read(t.Context())
	require.NoError(t, err)
	require.Len(t, b.Orders, 150)
	require.Equal(t, []books.Stock{{ProductID: "mug", OnHand: 3, Holds: []books.Hold{{OrderID: "o", Quantity: 1}}}}, b.Stocks)
	require.Len(t, b.Reservations, 150)
	require.Len(t, b.Payments, 150)
	require.Len(t, b.Notifications, 150)
	require.Len(t, b.Entries, 150)

	require.Error(t, r.call(t.Context(), "order", http.MethodGet, "/nothing", nil, &b), "an empty success is no answer")
	r.sidecars["payment"] = "http://127.0.0.1:1"
	_, err = r.read(t.Context())
	require.ErrorContains(t, err, "payment")
}

func TestWatchWaitsForRest(t *testing.T) {
	reads := 0
	w := watch{every: time.Millisecond, quiet: 20 * time.Millisecond, wait: time.Minute}
	w.read = func(context.Context) (books.Books, error) {
		reads++
		switch {
		case reads == 3:
			return books.Books{}, errors.New("a sidecar is away")
		case reads < 6: // something is amiss, but being repaired
			return books.Books{Stocks: []books.Stock{{ProductID: "mug", Received: 5, OnHand: int64(reads)}}}, nil
		}
		return books.Books{Stocks: []books.Stock{{ProductID: "mug", Received: 5, OnHand: 5}}}, nil
	}
	v, err := w.verdict(t.Context())
	require.NoError(t, err)
	require.True(t, v.atRest)
	require.Empty(t, v.Findings)
	require.GreaterOrEqual(t, v.took, w.quiet)

	w.wait = 50 * time.Millisecond
	w.read = func(context.Context) (books.Books, error) {
		return books.Books{Stocks: []books.Stock{{ProductID: "mug", OnHand: 5}}}, nil
	}
	v, err = w.verdict(t.Context())
	require.NoError(t, err)
	require.True(t, v.atRest, "still, and wrong")
	var out bytes.Buffer
	require.ErrorIs(t, tell(&out, v), errDisagree)
	require.Contains(t, out.String(), "mug  on hand: expected 0 = 0 received - 0 sold + 0 returned, found 5")

	w.read = func(context.Context) (books.Books, error) {
		return books.Books{Orders: []books.Order{{OrderID: "o"}}}, nil
	}
	v, err = w.verdict(t.Context())
	require.NoError(t, err)
	require.False(t, v.atRest)
	require.ErrorIs(t, tell(io.Discard, v), errDisagree)

	w.read = func(context.Context) (books.Books, error) { return books.Books{}, errors.New("away") }
	_, err = w.verdict(t.Context())
	require.ErrorContains(t, err, "away")
}

func TestOffsetFollowsTheGateway(t *testing.T) {
	m, err := manifest.Find(".")
	require.NoError(t, err)
	gateway, err := m.App("gateway")
	require.NoError(t, err)
	for address, expected := range map[string]int{"": 0, fmt.Sprintf("http://localhost:%d", gateway.Port): 0, fmt.Sprintf("http://localhost:%d/", gateway.Port+11000): 11000} {
		offset, err := offsetOf(address, m)
		require.NoError(t, err)
		require.Equal(t, expected, offset)
	}
	_, err = offsetOf("http://localhost", m)
	require.Error(t, err)
}
