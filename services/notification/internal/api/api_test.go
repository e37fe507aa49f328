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
	"github.com/sidecart/sidecart/services/internal/state/statetest"
	"github.com/sidecart/sidecart/services/internal/subscribe"
	"github.com/sidecart/sidecart/services/notification/internal/message"
	"github.com/sidecart/sidecart/services/notification/internal/store"
)

const (
	customer = "01890a5d-ac96-774b-bcce-b302099a8057"
	stranger = "01890a5d-ac96-774b-bcce-b302099a8058"
)

// service is the service on a store in memory.
type service struct {
	t      *testing.T
	docs   *statetest.Memory
	router *mux.Router
	server *Server
	key    ed25519.PrivateKey
}

func start(t *testing.T) *service {
	public, key, err := ed25519.GenerateKey(nil)
	require.NoError(t, err)
	s := &service{t: t, docs: statetest.NewMemory(), router: mux.NewRouter(), key: key}
	verifier := auth.NewVerifier(func(context.Context) (auth.KeySet, error) {
		return auth.KeySet{Keys: []auth.Key{{Curve: "Ed25519", ID: "k", X: base64.RawURLEncoding.EncodeToString(public)}}}, nil
	})
	s.server = &Server{Notes: store.NewNotes(s.docs)}
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
		contracttest.Answer(s.t, "notification", method, target, w.Code, w.Body.Bytes())
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

// says is an event of order n as the order service publishes it; it is held to the contract.
func says(t *testing.T, kind string, n int, version int64, of string) event.Event {
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

func registered(t *testing.T, id string) event.Event {
	e, err := event.New("user", message.UserRegisteredV1, id, 1, time.Date(2026, 1, 15, 9, 0, 0, 0, time.UTC), map[string]any{"userId": id, "version": 1})
	require.NoError(t, err)
	contracttest.Event(t, e)
	return e
}

func TestContract(t *testing.T) {
	s := start(t)
	contracttest.Routes(t, "notification", s.router)
	for _, topic := range s.server.Topics() {
		contracttest.Hears(t, "notification", topic.Name, topic.Types, topic.Ignored)
	}
}

func TestInbox(t *testing.T) {
	s := start(t)
	s.server.Use(message.Inbox)
	require.Equal(t, []string{"SUCCESS", "SUCCESS"}, s.deliver("users", registered(t, customer), registered(t, customer)))
	require.Equal(t, []string{"SUCCESS", "SUCCESS", "SUCCESS", "SUCCESS", "SUCCESS"}, s.deliver("orders",
		says(t, message.OrderConfirmedV1, 1, 4, customer), says(t, message.AwaitingPaymentV1, 2, 3, customer),
		says(t, message.OrderCancelledV1, 2, 5, customer), says(t, message.OrderConfirmedV1, 1, 4, customer), says(t, message.OrderConfirmedV1, 3, 4, stranger)))
	require.Equal(t, []string{"SUCCESS"}, s.deliver("orders", says(t, message.OrderConfirmedV1, 1, 4, customer)))

	status, body := s.call("GET", "/notifications?limit=2", customer, "")
	require.Equal(t, 200, status)
	var page struct {
		Items      json.RawMessage
		NextCursor string
	}
	require.NoError(t, json.Unmarshal([]byte(body), &page))
	require.JSONEq(t, fmt.Sprintf(`[
		{"id":%q,"kind":"order_cancelled","orderId":%q,"title":"Order %s is cancelled","createdAt":"2026-01-15T09:30:01Z",
		 "body":"Your order of 2 × Mug was cancelled because not all of it is in stock. You have not been charged."},
		{"id":%q,"kind":"order_confirmed","orderId":%q,"title":"Order %s is confirmed","createdAt":"2026-01-15T09:30:01Z",
		 "body":"Thank you for your order of 2 × Mug. The total is 29.00 EUR."}]`,
		message.ID(message.OrderCancelled, orderID(2), message.Inbox), orderID(2), orderID(2)[:8],
		message.ID(message.OrderConfirmed, orderID(1), message.Inbox), orderID(1), orderID(1)[:8]), string(page.Items))
	status, body = s.call("GET", "/notifications?limit=2&cursor="+page.NextCursor, customer, "")
	require.Equal(t, 200, status)
	require.JSONEq(t, fmt.Sprintf(`{"items":[{"id":%q,"kind":"welcome","title":"Welcome","createdAt":"2026-01-15T09:00:00Z",
		"body":"Your account is ready. What becomes of your orders, you will read here."}]}`, message.ID(message.Welcome, customer, message.Inbox)), body)
}

// The e-mails of a batch are queued beside the inbox, and answered by the query but not shown.
func TestEmails(t *testing.T) {
	s := start(t)
	s.server.Use(message.Inbox, message.Email)
	require.Equal(t, []string{"SUCCESS", "SUCCESS"}, s.deliver("orders", says(t, message.OrderConfirmedV1, 1, 4, customer), says(t, message.OrderCancelledV1, 1, 6, customer)))
	_, body := s.call("GET", "/notifications", customer, "")
	require.Equal(t, 2, strings.Count(body, `"kind"`))
	status, body := s.call("POST", "/notifications/query", "", `{"orderIds":["`+orderID(1)+`","`+orderID(2)+`"]}`)
	require.Equal(t, 200, status)
	var answer struct{ Notifications []map[string]string }
	require.NoError(t, json.Unmarshal([]byte(body), &answer))
	want := []map[string]string{}
	for _, kind := range message.OrderKinds {
		for _, channel := range message.Channels {
			want = append(want, map[string]string{"orderId": orderID(1), "kind": kind, "channel": channel, "id": message.ID(kind, orderID(1), channel)})
		}
	}
	require.ElementsMatch(t, want, answer.Notifications)
}

// Before it is known which channels there are, events wait: else their e-mails were lost.
func TestEventsBeforeTheChannelsAreKnown(t *testing.T) {
	s := start(t)
	require.Equal(t, []string{"RETRY"}, s.deliver("orders", says(t, message.OrderConfirmedV1, 1, 4, customer)))
	s.server.Use(message.Inbox, message.Email)
	require.Equal(t, []string{"SUCCESS"}, s.deliver("orders", says(t, message.OrderConfirmedV1, 1, 4, customer)))
	_, body := s.call("POST", "/notifications/query", "", `{"orderIds":["`+orderID(1)+`"]}`)
	require.Equal(t, 2, strings.Count(body, `"channel"`))
}

func TestBadRequests(t *testing.T) {
	s := start(t)
	s.server.Use(message.Inbox)
	s.deliver("users", registered(t, customer))
	for _, bad := range []struct {
		method, target, subject, body string
		status                        int
		names                         string
	}{
		{"GET", "/notifications", "", "", 401, "Authorization"},
		{"GET", "/notifications?limit=x", customer, "", 400, "limit"},
		{"GET", "/notifications?cursor=%21", customer, "", 400, "cursor"},
		{"GET", "/notifications?cursor=1.0", stranger, "", 400, "cursor"}, // the list is empty
		{"GET", "/notifications?cursor=1.1", customer, "", 400, "cursor"},
		{"POST", "/notifications/query", "", `{"ids":[]}`, 400, "ids"},
		{"POST", "/notifications/query", "", `{"orderIds":["` + strings.Repeat(`","`, 1000) + `"]}`, 422, "orderIds"},
		{"GET", "/dead-letters", customer, "", 403, "admin"},
	} {
		status, body := s.call(bad.method, bad.target, bad.subject, bad.body)
		require.Equal(t, bad.status, status, "%s: %s", bad.target, body)
		require.Contains(t, body, bad.names)
	}
	s.docs.Fault = func(string, bool) error { return errors.New("down") }
	status, _ := s.call("GET", "/notifications", customer, "")
	require.Equal(t, 503, status)
}

// Poison is parked and does not hold up what came with it; a store that is down is not poison.
func TestPoison(t *testing.T) {
	s := start(t)
	s.server.Use(message.Inbox)
	order, user := says(t, message.OrderConfirmedV1, 1, 4, customer), registered(t, customer)
	order.Data, user.Data = json.RawMessage(`{"orderId":"`+orderID(1)+`"}`), json.RawMessage(`[]`)
	require.Equal(t, []string{"SUCCESS", "SUCCESS"}, s.deliver("orders", order, says(t, message.OrderConfirmedV1, 2, 4, customer)))
	require.Equal(t, []string{"SUCCESS", "SUCCESS"}, s.deliver("users", user, map[string]string{"type": "user.left.v1"}))
	_, body := s.call("GET", "/notifications", customer, "")
	require.Equal(t, 1, strings.Count(body, `"kind"`), body)
	status, body := s.call("GET", "/dead-letters", "admin", "")
	require.Equal(t, 200, status)
	require.Equal(t, 3, strings.Count(body, "parkedAt"), body)

	s.docs.Fault = func(key string, applied bool) error {
		if key == "note-"+message.ID(message.OrderConfirmed, orderID(3), message.Inbox) {
			return errors.New("down")
		}
		return nil
	}
	require.Equal(t, []string{"RETRY", "SUCCESS"}, s.deliver("orders", says(t, message.OrderConfirmedV1, 3, 4, customer), says(t, message.OrderConfirmedV1, 4, 4, customer)))
}
