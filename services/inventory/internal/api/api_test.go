package api_test

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/gorilla/mux"
	"github.com/stretchr/testify/require"

	"github.com/sidecart/sidecart/contracts/contracttest"
	"github.com/sidecart/sidecart/services/internal/auth"
	"github.com/sidecart/sidecart/services/internal/event"
	"github.com/sidecart/sidecart/services/internal/state"
	"github.com/sidecart/sidecart/services/internal/state/statetest"
	"github.com/sidecart/sidecart/services/internal/subscribe"
	"github.com/sidecart/sidecart/services/inventory/internal/api"
	"github.com/sidecart/sidecart/services/inventory/internal/ledger"
)

// service is the inventory in one process, with a store in memory.
type service struct {
	t      *testing.T
	router *mux.Router
	memory *statetest.Memory
	ledger *ledger.Ledger
	// catalogue is what the product service knows; nil when it does not answer.
	catalogue map[string]bool
	key       ed25519.PrivateKey
}

func newService(t *testing.T) *service {
	t.Helper()
	public, private, err := ed25519.GenerateKey(nil)
	require.NoError(t, err)
	s := &service{t: t, router: mux.NewRouter(), memory: statetest.NewMemory(), catalogue: map[string]bool{"ant": true, "bee": true}, key: private}
	announcer := ledger.NewAnnouncer(func(context.Context, string, ...event.Event) error { return nil })
	s.ledger = ledger.New(s.memory, announcer, slog.New(slog.DiscardHandler), time.Now)
	verifier := auth.NewVerifier(func(context.Context) (auth.KeySet, error) {
		return auth.KeySet{Keys: []auth.Key{{Curve: "Ed25519", ID: "key", X: base64.RawURLEncoding.EncodeToString(public)}}}, nil
	})
	server := &api.Server{Ledger: s.ledger, KnowsProduct: func(_ context.Context, id string) (bool, error) {
		if s.catalogue == nil {
			return false, state.ErrUnavailable
		}
		return s.catalogue[id], nil
	}}
	receiver := subscribe.New(s.memory, slog.New(slog.DiscardHandler))
	server.Routes(s.router, receiver, verifier.Administrator)
	return s
}

func (s *service) token(role string) string {
	token := jwt.NewWithClaims(jwt.SigningMethodEdDSA, auth.Claims{Role: role, RegisteredClaims: jwt.RegisteredClaims{
		Issuer: auth.Issuer, Audience: jwt.ClaimStrings{auth.Issuer}, Subject: "somebody", ExpiresAt: jwt.NewNumericDate(time.Now().Add(time.Hour)),
	}})
	token.Header["kid"] = "key"
	signed, err := token.SignedString(s.key)
	require.NoError(s.t, err)
	return signed
}

// call sends a request and holds the answer to the contract. header is name, value, …
func (s *service) call(status int, method, path, body string, header ...string) map[string]any {
	s.t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+s.token(auth.Admin))
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	s.router.ServeHTTP(w, r)
	require.Equal(s.t, status, w.Code, "%s %s: %s", method, path, w.Body)
	contracttest.Answer(s.t, "inventory", method, path, w.Code, w.Body.Bytes())
	var answer map[string]any
	require.NoError(s.t, json.Unmarshal(w.Body.Bytes(), &answer))
	return answer
}

func (s *service) receive(product, key string, quantity int) map[string]any {
	s.t.Helper()
	return s.call(200, http.MethodPost, "/stock/receipts?productId="+product, fmt.Sprintf(`{"quantity":%d}`, quantity), "Idempotency-Key", key)
}

// results calls with one order and answers its result.
func (s *service) result(path, order, lines string) any {
	s.t.Helper()
	body := fmt.Sprintf(`{"orders":[{"orderId":%q,"lines":%s}]}`, order, lines)
	if path == "/reservations" {
		body = fmt.Sprintf(`{"orders":[{"orderId":%q,"expiresAt":"2026-06-01T12:00:00Z","lines":%s}]}`, order, lines)
	}
	results := s.call(200, http.MethodPost, path, body)["results"].([]any)
	require.Len(s.t, results, 1)
	require.Equal(s.t, order, results[0].(map[string]any)["orderId"])
	return results[0].(map[string]any)["result"]
}

func TestEveryRouteHasItsContract(t *testing.T) {
	contracttest.Routes(t, "inventory", newService(t).router)
}

const oneAnt = `[{"productId":"ant","quantity":1}]`

func TestAnOrdersWay(t *testing.T) {
	s := newService(t)
	require.Equal(t, map[string]any{"productId": "ant", "onHand": 5.0, "held": 0.0, "available": 5.0}, s.receive("ant", "k1", 5))
	require.Equal(t, "reserved", s.result("/reservations", "o1", oneAnt))
	require.Equal(t, "reserved", s.result("/reservations", "o1", oneAnt))
	require.Equal(t, map[string]any{"productId": "ant", "onHand": 5.0, "held": 1.0, "available": 4.0}, s.call(200, http.MethodGet, "/stock?productId=ant", ""))
	require.Equal(t, []string{"SUCCESS"}, s.deliver("orders", confirmed("o1", "ant")))
	require.Equal(t, "unknown", s.result("/reservations/release", "o1", oneAnt), "it is sold")
	require.Equal(t, "returned", s.result("/reservations/return", "o1", oneAnt))
	require.Equal(t, []string{"SUCCESS"}, s.deliver("orders", confirmed("o1", "ant")))

	require.Equal(t, "refused", s.result("/reservations", "o2", `[{"productId":"ant","quantity":6}]`))
	require.Equal(t, "reserved", s.result("/reservations", "o3", oneAnt))
	require.Equal(t, "released", s.result("/reservations/release", "o3", oneAnt))
	require.Equal(t, "reserved", s.result("/reservations", "o4", oneAnt))
	require.Equal(t, "unknown", s.result("/reservations/return", "o5", oneAnt), "it was never reserved")

	page := s.call(200, http.MethodGet, "/stock/list?page=1", "")
	require.Equal(t, map[string]any{"nextPage": 0.0, "items": []any{map[string]any{
		"productId": "ant", "onHand": 5.0, "received": 5.0, "sold": 1.0, "returned": 1.0, "held": 1.0,
		"holds": []any{map[string]any{"orderId": "o4", "quantity": 1.0}},
	}}}, page)
	states := map[string]string{}
	for _, r := range s.call(200, http.MethodPost, "/reservations/query", `{"orderIds":["o1","o2","o3","o4","o5"]}`)["reservations"].([]any) {
		states[r.(map[string]any)["orderId"].(string)] = r.(map[string]any)["state"].(string)
	}
	require.Equal(t, map[string]string{"o1": "returned", "o2": "refused", "o3": "released", "o4": "held", "o5": "none"}, states)
}

func TestARefusalNamesTheProduct(t *testing.T) {
	s := newService(t)
	s.receive("ant", "k1", 5)
	answer := s.call(200, http.MethodPost, "/reservations", `{"orders":[
		{"orderId":"o1","expiresAt":"2026-06-01T12:00:00Z","lines":[{"productId":"ant","quantity":5},{"productId":"bee","quantity":1}]},
		{"orderId":"o2","expiresAt":"2026-06-01T12:00:00Z","lines":[{"productId":"ant","quantity":5}]}]}`)
	require.Equal(t, []any{
		map[string]any{"orderId": "o1", "result": "refused", "productId": "bee"},
		map[string]any{"orderId": "o2", "result": "reserved"},
	}, answer["results"])
}

func TestAReceiptCountsOnceForItsKey(t *testing.T) {
	s := newService(t)
	s.receive("ant", "k1", 5)
	require.Equal(t, 5.0, s.receive("ant", "k1", 5)["onHand"])
	require.Equal(t, "idempotency_key_reused", s.call(422, http.MethodPost, "/stock/receipts?productId=ant", `{"quantity":6}`, "Idempotency-Key", "k1")["code"])
	require.Equal(t, 7.0, s.receive("ant", "k2", 2)["onHand"])
	require.Equal(t, 2.0, s.receive("bee", "k1", 2)["onHand"], "a key is one product's")
	s.call(404, http.MethodPost, "/stock/receipts?productId=cow", `{"quantity":1}`, "Idempotency-Key", "k1")
	s.catalogue = nil
	s.call(503, http.MethodPost, "/stock/receipts?productId=dog", `{"quantity":1}`, "Idempotency-Key", "k1")
	require.Equal(t, 8.0, s.receive("ant", "k3", 1)["onHand"], "a product with stock needs no asking")
	s.call(404, http.MethodGet, "/stock?productId=cow", "")
}

func TestBadInput(t *testing.T) {
	s := newService(t)
	s.receive("ant", "k1", 5)
	order := func(lines string) string {
		return `{"orders":[{"orderId":"o1","expiresAt":"2026-06-01T12:00:00Z","lines":` + lines + `}]}`
	}
	many := strings.TrimSuffix(strings.Repeat(`{"productId":"ant","quantity":1},`, 101), ",")
	var orders []string
	for i := range 201 {
		orders = append(orders, fmt.Sprintf(`{"orderId":"o%d","lines":%s}`, i, oneAnt))
	}
	for _, bad := range []struct {
		path, body   string
		status       int
		code, field  string
		method, more string
	}{
		{path: "/reservations", body: `{"orders":[]}`, status: 422, code: "invalid", field: "orders"},
		{path: "/reservations/release", body: `{"orders":[` + strings.Join(orders, ",") + `]}`, status: 422, code: "invalid", field: "orders"},
		{path: "/reservations", body: order(`[]`), status: 422, code: "invalid", field: "orders[0].lines"},
		{path: "/reservations", body: order(`[` + many + `]`), status: 422, code: "invalid", field: "orders[0].lines"},
		{path: "/reservations", body: order(`[{"productId":"ant","quantity":0}]`), status: 422, code: "invalid", field: "orders[0].lines[0].quantity"},
		{path: "/reservations", body: order(`[{"productId":"ant","quantity":-1}]`), status: 422, code: "invalid", field: "orders[0].lines[0].quantity"},
		{path: "/reservations", body: order(`[{"productId":"ant","quantity":1000}]`), status: 422, code: "invalid", field: "orders[0].lines[0].quantity"},
		{path: "/reservations", body: order(`[{"productId":"ant","quantity":1},{"productId":"ant","quantity":1}]`), status: 422, code: "invalid", field: "orders[0].lines[1].productId"},
		{path: "/reservations", body: order(`[{"productId":"a||b","quantity":1}]`), status: 422, code: "invalid", field: "orders[0].lines[0].productId"},
		{path: "/reservations", body: `{"orders":[{"orderId":"o1","lines":` + oneAnt + `}]}`, status: 422, code: "invalid", field: "orders[0].expiresAt"},
		{path: "/reservations/return", body: `{"orders":[{"orderId":"","lines":` + oneAnt + `}]}`, status: 422, code: "invalid", field: "orders[0].orderId"},
		{path: "/reservations/return", body: `{"orders":[{"orderId":"o1","lines":` + oneAnt + `},{"orderId":"o1","lines":` + oneAnt + `}]}`, status: 422, code: "invalid", field: "orders[1].orderId"},
		{path: "/reservations/release", body: `{"orders":[{"orderId":"o1","name":"x"}]}`, status: 400, code: "unknown_field", field: "name"},
		{path: "/reservations/query", body: `{"orderIds":[]}`, status: 422, code: "invalid", field: "orderIds"},
		{path: "/reservations/query", body: `{"orderIds":["o1","o1"]}`, status: 422, code: "invalid", field: "orderIds[1]"},
		{path: "/reservations", body: `{`, status: 400, code: "malformed_json"},
		{path: "/stock/receipts?productId=ant", body: `{"quantity":1}`, status: 400, code: "idempotency_key_missing", field: "Idempotency-Key"},
		{path: "/stock/receipts?productId=ant", body: `{"quantity":0}`, more: "k", status: 422, code: "invalid", field: "quantity"},
		{path: "/stock/receipts?productId=ant", body: `{"quantity":1000001}`, more: "k", status: 422, code: "invalid", field: "quantity"},
		{path: "/stock/receipts", body: `{"quantity":1}`, more: "k", status: 400, code: "invalid_parameter", field: "productId"},
		{path: "/stock", method: http.MethodGet, status: 400, code: "invalid_parameter", field: "productId"},
		{path: "/stock/list?page=0", method: http.MethodGet, status: 400, code: "invalid_parameter", field: "page"},
		{path: "/stock/list", method: http.MethodGet, status: 400, code: "invalid_parameter", field: "page"},
	} {
		if bad.method == "" {
			bad.method = http.MethodPost
		}
		var header []string
		if bad.more != "" {
			header = []string{"Idempotency-Key", bad.more}
		}
		answer := s.call(bad.status, bad.method, bad.path, bad.body, header...)
		require.Equal(t, bad.code, answer["code"], "%s %s", bad.path, bad.body)
		if bad.field != "" {
			require.Equal(t, bad.field, answer["errors"].([]any)[0].(map[string]any)["field"], "%s %s", bad.path, bad.body)
		}
	}
	require.Equal(t, 5.0, s.call(200, http.MethodGet, "/stock?productId=ant", "")["available"], "nothing of that had an effect")
}

func TestStockIsForAdministrators(t *testing.T) {
	s := newService(t)
	for _, call := range [][2]string{{http.MethodGet, "/stock?productId=ant"}, {http.MethodPost, "/stock/receipts?productId=ant"}, {http.MethodGet, "/dead-letters"}, {http.MethodPost, "/dead-letters/replay?id=x"}} {
		s.call(403, call[0], call[1], `{"quantity":1}`, "Authorization", "Bearer "+s.token("customer"), "Idempotency-Key", "k")
		s.call(401, call[0], call[1], `{"quantity":1}`, "Authorization", "", "Idempotency-Key", "k")
	}
}

func TestAStoreThatIsDown(t *testing.T) {
	s := newService(t)
	s.receive("ant", "k1", 5)
	s.memory.Fault = func(string, bool) error { return context.DeadlineExceeded }
	require.Equal(t, "unknown", s.result("/reservations", "o1", oneAnt))
	s.call(503, http.MethodGet, "/stock?productId=ant", "")
	s.call(503, http.MethodGet, "/stock/list?page=1", "")
	s.call(503, http.MethodPost, "/reservations/query", `{"orderIds":["o1"]}`)
	require.Equal(t, []string{"RETRY", "RETRY"}, s.deliver("orders", confirmed("o1", "ant"), confirmed("o2", "ant")))
	require.Equal(t, []string{"RETRY"}, s.deliver("catalog", created("cow")))
	// The stock is written, the answer is lost: the same key counts once.
	s.memory.Fault = func(key string, applied bool) error {
		if strings.HasPrefix(key, "stock") && applied {
			return context.DeadlineExceeded
		}
		return nil
	}
	s.call(503, http.MethodPost, "/stock/receipts?productId=ant", `{"quantity":2}`, "Idempotency-Key", "k2")
	s.memory.Fault = nil
	require.Equal(t, 7.0, s.receive("ant", "k2", 2)["onHand"])
}
