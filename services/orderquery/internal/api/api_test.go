package api

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"
	"github.com/gorilla/mux"
	"github.com/stretchr/testify/require"

	"github.com/sidecart/sidecart/contracts/contracttest"
	"github.com/sidecart/sidecart/services/internal/auth"
	"github.com/sidecart/sidecart/services/internal/event"
	"github.com/sidecart/sidecart/services/internal/state"
	"github.com/sidecart/sidecart/services/internal/state/statetest"
	"github.com/sidecart/sidecart/services/internal/subscribe"
	"github.com/sidecart/sidecart/services/orderquery/internal/projection"
	"github.com/sidecart/sidecart/services/orderquery/internal/store"
	"github.com/sidecart/sidecart/services/orderquery/internal/streams"
)

const (
	customer = "01890a5d-ac96-774b-bcce-b302099a8057"
	stranger = "01890a5d-ac96-774b-bcce-b302099a8058"
)

// service is the read side on a store in memory.
type service struct {
	t       *testing.T
	docs    *statetest.Memory
	router  *mux.Router
	server  *Server
	key     ed25519.PrivateKey
	streams pages
}

// pages are the order service's streams, as its answers.
type pages []string

func (p *pages) Page(_ context.Context, n int64) (page streams.Page, err error) {
	if n > int64(len(*p)) {
		return page, fmt.Errorf("%w: order", state.ErrUnavailable)
	}
	return page, json.Unmarshal([]byte((*p)[n-1]), &page)
}

func start(t *testing.T) *service {
	public, key, err := ed25519.GenerateKey(nil)
	require.NoError(t, err)
	s := &service{t: t, docs: statetest.NewMemory(), router: mux.NewRouter(), key: key}
	verifier := auth.NewVerifier(func(context.Context) (auth.KeySet, error) {
		return auth.KeySet{Keys: []auth.Key{{Curve: "Ed25519", ID: "k", X: base64.RawURLEncoding.EncodeToString(public)}}}, nil
	})
	s.server = &Server{Orders: store.NewOrders(s.docs), Streams: &s.streams}
	s.server.Routes(s.router, verifier)
	subscribe.New(s.docs, slog.New(slog.DiscardHandler)).Mount(s.router, verifier.Administrator, s.server.Topics()...)
	return s
}

// call sends a request as subject ("" sends no token, "admin" is the administrator) and holds the answer to the contract.
func (s *service) call(method, target, subject, body string) (int, string) {
	r := httptest.NewRequestWithContext(s.t.Context(), method, target, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	if subject != "" {
		token := jwt.NewWithClaims(jwt.SigningMethodEdDSA, auth.Claims{Role: subject, RegisteredClaims: jwt.RegisteredClaims{
			Issuer: auth.Issuer, Audience: jwt.ClaimStrings{auth.Issuer}, Subject: subject, ExpiresAt: jwt.NewNumericDate(time.Now().Add(time.Minute)),
		}})
		token.Header["kid"] = "k"
		text, err := token.SignedString(s.key)
		require.NoError(s.t, err)
		r.Header.Set("Authorization", "Bearer "+text)
	}
	w := httptest.NewRecorder()
	s.router.ServeHTTP(w, r)
	if !strings.HasPrefix(target, "/events/") {
		contracttest.Answer(s.t, "orderquery", method, target, w.Code, w.Body.Bytes())
	}
	return w.Code, w.Body.String()
}

// deliver hands events to a topic in one bulk call and answers the status of each.
func (s *service) deliver(topic string, events ...any) (statuses []string) {
	entries := []map[string]any{}
	for i, e := range events {
		entries = append(entries, map[string]any{"entryId": fmt.Sprint(i), "event": e})
	}
	body, err := json.Marshal(map[string]any{"entries": entries})
	require.NoError(s.t, err)
	code, answer := s.call(http.MethodPost, "/events/"+topic, "", string(body))
	require.Equal(s.t, http.StatusOK, code)
	var answered struct{ Statuses []struct{ Status string } }
	require.NoError(s.t, json.Unmarshal([]byte(answer), &answered))
	for _, a := range answered.Statuses {
		statuses = append(statuses, a.Status)
	}
	return statuses
}

func orderID(n int) string { return uuid.NewSHA1(uuid.NameSpaceOID, fmt.Append(nil, n)).String() }

// told is an event of order n as the order service publishes it; it is held to the contract.
func told(t *testing.T, kind string, n int, version int64, of string) event.Event {
	status := strings.TrimSuffix(strings.TrimPrefix(kind, "order."), ".v1")
	data := map[string]any{
		"orderId": orderID(n), "customerId": of, "version": version, "status": status, "wasConfirmed": status == "confirmed",
		"lines": []any{map[string]any{"productId": "p", "name": "Mug", "quantity": 2, "unitPrice": map[string]any{"amount": 1450, "currency": "EUR"}}},
		"total": map[string]any{"amount": 2900, "currency": "EUR"}, "placedAt": "2026-01-15T09:30:00Z", "updatedAt": "2026-01-15T09:30:01Z", "cartId": "c",
	}
	if status == "cancelled" {
		data["reason"] = "out_of_stock"
	}
	e, err := event.New("order", kind, orderID(n), version, time.Unix(0, 0), data)
	require.NoError(t, err)
	contracttest.Event(t, e)
	return e
}

func TestContract(t *testing.T) {
	s := start(t)
	contracttest.Routes(t, "orderquery", s.router)
	for _, topic := range s.server.Topics() {
		contracttest.Hears(t, "orderquery", topic.Name, topic.Types, topic.Ignored)
	}
}

func TestHistory(t *testing.T) {
	s := start(t)
	for n := range 5 {
		require.Equal(t, []string{"SUCCESS"}, s.deliver("checkout", told(t, projection.Submitted, n, 1, customer)))
	}
	require.Equal(t, []string{"SUCCESS"}, s.deliver("checkout", told(t, projection.Submitted, 9, 1, stranger)))
	require.Equal(t, []string{"SUCCESS", "SUCCESS", "SUCCESS", "SUCCESS"}, s.deliver("orders",
		told(t, projection.Cancelled, 1, 2, customer), told(t, projection.Confirmed, 0, 4, customer),
		told(t, projection.AwaitingPayment, 0, 3, customer), told(t, projection.Confirmed, 0, 4, customer)))
	resumed, err := event.New("order", projection.Resumed, orderID(1), 1, time.Unix(0, 0), map[string]string{"orderId": orderID(1)})
	require.NoError(t, err)
	require.Equal(t, []string{"SUCCESS"}, s.deliver("checkout", resumed))

	var page struct {
		Items []struct {
			ID, Status, Reason string
		}
		NextCursor string
	}
	var seen []string
	for cursor, pages := "", 1; ; pages++ {
		code, body := s.call(http.MethodGet, "/orders?limit=2&cursor="+cursor, customer, "")
		require.Equal(t, http.StatusOK, code, body)
		page.NextCursor = ""
		page.Items = nil
		require.NoError(t, json.Unmarshal([]byte(body), &page))
		for _, item := range page.Items {
			seen = append(seen, item.ID+" "+item.Status+" "+item.Reason)
		}
		if cursor = page.NextCursor; cursor == "" {
			require.Equal(t, 3, pages)
			break
		}
	}
	require.Equal(t, []string{
		orderID(4) + " submitted ", orderID(3) + " submitted ", orderID(2) + " submitted ",
		orderID(1) + " cancelled out_of_stock", orderID(0) + " confirmed ",
	}, seen)
}

func TestBadRequests(t *testing.T) {
	s := start(t)
	s.deliver("checkout", told(t, projection.Submitted, 0, 1, customer))
	for _, bad := range []struct {
		method, target, subject, body string
		status                        int
		names                         string
	}{
		{"GET", "/orders", "", "", 401, "Authorization"},
		{"GET", "/orders?limit=0", customer, "", 400, "limit"},
		{"GET", "/orders?limit=101", customer, "", 400, "limit"},
		{"GET", "/orders?cursor=%21", customer, "", 400, "cursor"},
		{"GET", "/orders?cursor=1.0", stranger, "", 400, "cursor"}, // the list is empty
		{"GET", "/orders?cursor=1.1", customer, "", 400, "cursor"},
		{"GET", "/orders?cursor=99999999999.1", customer, "", 400, "cursor"},
		{"GET", "/orders?cursor=1.0%20", customer, "", 400, "cursor"},
		{"GET", "/sales?day=2026-01-15", customer, "", 403, "admin"},
		{"GET", "/sales", "admin", "", 400, "day"},
		{"GET", "/sales?day=2026-02-30", "admin", "", 400, "day"},
		{"POST", "/rebuild", customer, "", 403, "admin"},
		{"POST", "/rebuild?page=0", "admin", "", 400, "page"},
		{"POST", "/rebuild", "admin", "", 503, "unavailable"},
		{"POST", "/entries/query", "", `{"ids":[]}`, 400, "ids"},
		{"POST", "/entries/query", "", `{"orderIds":["` + strings.Repeat(`","`, 1000) + `"]}`, 422, "orderIds"},
	} {
		status, body := s.call(bad.method, bad.target, bad.subject, bad.body)
		require.Equal(t, bad.status, status, "%s: %s", bad.target, body)
		require.Contains(t, body, bad.names)
	}
	s.docs.Fault = func(string, bool) error { return errors.New("down") }
	status, _ := s.call("GET", "/orders", customer, "")
	require.Equal(t, 503, status)
}

func TestSalesAndEntries(t *testing.T) {
	s := start(t)
	s.deliver("orders", told(t, projection.Confirmed, 1, 4, customer), told(t, projection.Confirmed, 2, 4, stranger), told(t, projection.Confirmed, 1, 4, customer))
	s.deliver("orders", told(t, projection.Confirmed, 1, 4, customer))
	status, body := s.call("GET", "/sales?day=2026-01-15", "admin", "")
	require.Equal(t, 200, status)
	require.JSONEq(t, `{"day":"2026-01-15","orders":2,"total":[{"amount":5800,"currency":"EUR"}],"cancelledAfterConfirm":0}`, body)
	_, body = s.call("GET", "/sales?day=2026-01-16", "admin", "")
	require.JSONEq(t, `{"day":"2026-01-16","orders":0,"total":[],"cancelledAfterConfirm":0}`, body)

	status, body = s.call("POST", "/entries/query", "", `{"orderIds":["`+orderID(7)+`","`+orderID(2)+`"]}`)
	require.Equal(t, 200, status)
	require.JSONEq(t, `{"entries":[{"orderId":"`+orderID(2)+`","customerId":"`+stranger+`","version":4,"status":"confirmed","wasConfirmed":true,
		"lines":[{"productId":"p","name":"Mug","quantity":2,"unitPrice":{"amount":1450,"currency":"EUR"}}],
		"total":{"amount":2900,"currency":"EUR"},"placedAt":"2026-01-15T09:30:00Z","updatedAt":"2026-01-15T09:30:01Z"}]}`, body)
}

// Poison is parked and does not hold up what came with it; a store that is down is not poison.
func TestPoison(t *testing.T) {
	s := start(t)
	invalid := told(t, projection.Confirmed, 1, 4, customer)
	invalid.Data = json.RawMessage(`{"orderId":"` + orderID(1) + `"}`)
	require.Equal(t, []string{"SUCCESS", "SUCCESS", "SUCCESS"}, s.deliver("orders", invalid, told(t, projection.Confirmed, 2, 4, customer), map[string]string{"type": "order.shipped.v1"}))
	_, body := s.call("POST", "/entries/query", "", `{"orderIds":["`+orderID(1)+`","`+orderID(2)+`"]}`)
	require.Contains(t, body, orderID(2))
	require.NotContains(t, body, orderID(1))
	status, body := s.call("GET", "/dead-letters", "admin", "")
	require.Equal(t, 200, status)
	require.Equal(t, 2, strings.Count(body, "parkedAt"), body)
	require.Contains(t, body, "customerId")

	s.docs.Fault = func(key string, applied bool) error {
		if key == "entry-"+orderID(3) {
			return errors.New("down")
		}
		return nil
	}
	require.Equal(t, []string{"RETRY", "SUCCESS"}, s.deliver("orders", told(t, projection.Confirmed, 3, 4, customer), told(t, projection.Confirmed, 4, 4, customer)))
	s.docs.Fault = nil
	require.Equal(t, []string{"SUCCESS"}, s.deliver("orders", told(t, projection.Confirmed, 3, 4, customer)))
}

// stream is order n as the order service answers it.
func stream(t *testing.T, n int, version int64, status string, types ...string) string {
	events := []string{}
	for i, kind := range types {
		events = append(events, fmt.Sprintf(`{"version":%d,"type":%q,"at":"2026-01-15T09:30:01Z"}`, i+1, kind))
	}
	text := fmt.Sprintf(`{"orderId":%q,"order":{"id":%q,"customerId":%q,"status":%q,"version":%d,"placedAt":"2026-01-15T09:30:00Z","updatedAt":"2026-01-15T09:30:01Z",
		"lines":[{"productId":"p","name":"Mug","quantity":2,"unitPrice":{"amount":1450,"currency":"EUR"}}],"total":{"amount":2900,"currency":"EUR"},
		"shippingAddress":{"name":"N","street":"S","city":"C","postalCode":"P","country":"DE"}},"events":[%s]}`,
		orderID(n), orderID(n), customer, status, version, strings.Join(events, ","))
	contracttest.Answer(t, "order", "GET", "/orders/streams", 200, []byte(`{"orders":[`+text+`],"nextPage":0}`))
	return text
}

// A lost read side comes back from the streams; a live one takes over only what is newer.
func TestRebuild(t *testing.T) {
	s := start(t)
	s.deliver("orders", told(t, projection.Confirmed, 1, 4, customer), told(t, projection.Cancelled, 2, 9, customer))
	s.streams = pages{
		`{"orders":[` + stream(t, 0, 4, "confirmed", "order.submitted", "order.confirmed") + `,` + stream(t, 1, 6, "cancelled", "order.confirmed", "order.cancelled") + `],"nextPage":2}`,
		`{"orders":[` + stream(t, 2, 8, "confirmed", "order.confirmed") + `,` + stream(t, 3, 1, "submitted", "order.submitted") + `],"nextPage":0}`,
	}
	for range 2 {
		status, body := s.call("POST", "/rebuild", "admin", "")
		require.Equal(t, 200, status, body)
		require.JSONEq(t, `{"orders":4,"nextPage":0}`, body)
		_, body = s.call("GET", "/orders", customer, "")
		var list struct {
			Items []struct {
				ID, Status string
				Version    int64
			}
		}
		require.NoError(t, json.Unmarshal([]byte(body), &list))
		require.Len(t, list.Items, 4)
		for i, want := range []string{orderID(3) + " submitted 1", orderID(0) + " confirmed 4", orderID(2) + " cancelled 9", orderID(1) + " cancelled 6"} {
			require.Equal(t, want, fmt.Sprint(list.Items[i].ID, " ", list.Items[i].Status, " ", list.Items[i].Version))
		}
		_, body = s.call("GET", "/sales?day=2026-01-15", "admin", "")
		require.JSONEq(t, `{"day":"2026-01-15","orders":1,"total":[{"amount":2900,"currency":"EUR"}],"cancelledAfterConfirm":1}`, body)
	}
	status, body := s.call("POST", "/rebuild?page=2", "admin", "")
	require.Equal(t, 200, status)
	require.JSONEq(t, `{"orders":2,"nextPage":0}`, body)
}
