package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/mux"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sidecart/sidecart/contracts/contracttest"
	"github.com/sidecart/sidecart/services/internal/event"
	"github.com/sidecart/sidecart/services/internal/serve"
	"github.com/sidecart/sidecart/services/internal/state/statetest"
	"github.com/sidecart/sidecart/services/internal/subscribe"
	"github.com/sidecart/sidecart/services/payment/internal/api"
	"github.com/sidecart/sidecart/services/payment/internal/cashier"
	"github.com/sidecart/sidecart/services/payment/internal/sandbox"
	"github.com/sidecart/sidecart/services/payment/internal/store"
)

// broker keeps what is published.
type broker struct{ events []event.Event }

func (b *broker) Publish(_ context.Context, _ string, events ...event.Event) error {
	b.events = append(b.events, events...)
	return nil
}

// service is the whole service but for its sidecar.
type service struct {
	router *mux.Router
	server *api.Server
	docs   *statetest.Memory
	broker *broker
	log    *bytes.Buffer
}

func newService(t *testing.T) *service {
	t.Helper()
	s := &service{router: mux.NewRouter(), docs: statetest.NewMemory(), broker: &broker{}, log: &bytes.Buffer{}}
	log := slog.New(slog.NewJSONHandler(s.log, nil))
	s.server = &api.Server{Log: log, Webhook: &api.Webhook{}, Cashier: &cashier.Cashier{
		Payments: store.New(s.docs), Provider: sandbox.New(), Events: s.broker, Log: log,
		Settings: cashier.Settings{Budget: time.Second, Timeout: time.Second, Grace: time.Second},
	}}
	require.NoError(t, s.server.Webhook.Use(secret))
	s.server.Routes(s.router)
	subscribe.New(s.docs, log).Mount(s.router, func(h serve.Handler) serve.Handler { return h }, s.server.Orders())
	return s
}

// call posts JSON and answers what came back, which has to be what the contract says.
func (s *service) call(t *testing.T, path string, header http.Header, body string) (int, map[string]any) {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	if header != nil {
		r.Header = header
	}
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	s.router.ServeHTTP(w, r)
	if !strings.HasPrefix(path, "/events/") {
		contracttest.Answer(t, "payment", http.MethodPost, path, w.Code, w.Body.Bytes())
	}
	var answer map[string]any
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &answer))
	return w.Code, answer
}

// results answers each order's result, in the order of the answer.
func results(t *testing.T, answer map[string]any) (results []string) {
	t.Helper()
	for _, r := range answer["results"].([]any) {
		r := r.(map[string]any)
		results = append(results, fmt.Sprint(r["orderId"], " ", r["result"]))
	}
	return results
}

func item(order, token string) string {
	return fmt.Sprintf(`{"orderId":%q,"customerId":"c-1","amount":{"amount":2900,"currency":"EUR"},"token":%q}`, order, token)
}

func (s *service) authorise(t *testing.T, items ...string) []string {
	t.Helper()
	status, answer := s.call(t, "/payments/authorise", nil, `{"payments":[`+strings.Join(items, ",")+`]}`)
	require.Equal(t, http.StatusOK, status)
	return results(t, answer)
}

func (s *service) state(t *testing.T, order string) map[string]any {
	t.Helper()
	status, answer := s.call(t, "/payments/query", nil, fmt.Sprintf(`{"orderIds":[%q]}`, order))
	require.Equal(t, http.StatusOK, status)
	return answer["payments"].([]any)[0].(map[string]any)
}

func TestRoutesAndTopicsAreThoseOfTheContract(t *testing.T) {
	s := newService(t)
	contracttest.Routes(t, "payment", s.router)
	topic := s.server.Orders()
	contracttest.Hears(t, "payment", topic.Name, topic.Types, topic.Ignored)
}

func TestTheTokenDecides(t *testing.T) {
	s := newService(t)
	got := s.authorise(t, item("o-1", "tok_ok"), item("o-2", "tok_declined"), item("o-3", "tok_pending"), item("o-4", "4111111111111111"), item("o-1", "tok_ok"))
	assert.Equal(t, []string{"o-1 authorised", "o-2 declined", "o-3 pending", "o-4 declined", "o-1 authorised"}, got)
	assert.Equal(t, got[:3], s.authorise(t, item("o-1", "tok_ok"), item("o-2", "tok_declined"), item("o-3", "tok_pending")))
	assert.Empty(t, s.broker.events)
	assert.NotContains(t, s.log.String(), "4111")
}

func TestABatchIsUnknownWhileTheStoreIsDown(t *testing.T) {
	s := newService(t)
	s.docs.Fault = func(string, bool) error { return errors.New("down") }
	assert.Equal(t, []string{"o-1 unknown"}, s.authorise(t, item("o-1", "tok_ok")))
	status, answer := s.call(t, "/payments/cancel", nil, `{"orderIds":["o-1"]}`)
	assert.Equal(t, http.StatusOK, status)
	assert.Equal(t, []string{"o-1 unknown"}, results(t, answer))
	status, _ = s.call(t, "/payments/query", nil, `{"orderIds":["o-1"]}`)
	assert.Equal(t, http.StatusServiceUnavailable, status)
	assert.NotContains(t, s.log.String(), "tok_ok")
	s.docs.Fault = nil
	assert.Equal(t, []string{"o-1 authorised"}, s.authorise(t, item("o-1", "tok_ok")))
}

func TestCancelUndoesWhateverWasDone(t *testing.T) {
	s := newService(t)
	s.authorise(t, item("authorised", "tok_ok"), item("declined", "tok_declined"), item("pending", "tok_pending"), item("captured", "tok_ok"))
	require.Equal(t, []string{"SUCCESS"}, s.deliver(t, confirmed(t, "captured")))
	want := map[string][4]any{
		"authorised": {"voided", 2900.0, 0.0, 0.0},
		"declined":   {"declined", 0.0, 0.0, 0.0},
		"pending":    {"voided", 0.0, 0.0, 0.0},
		"captured":   {"refunded", 2900.0, 2900.0, 2900.0},
		"unheard-of": {"voided", 0.0, 0.0, 0.0},
	}
	assert.Equal(t, "none", s.state(t, "unheard-of")["state"])
	for range 2 {
		for order, now := range want {
			status, answer := s.call(t, "/payments/cancel", nil, fmt.Sprintf(`{"orderIds":[%q,%q]}`, order, order))
			require.Equal(t, http.StatusOK, status)
			require.Equal(t, []string{order + " cancelled"}, results(t, answer))
			p := s.state(t, order)
			assert.Equal(t, now, [4]any{p["state"], p["authorised"], p["captured"], p["refunded"]}, order)
		}
	}
	assert.Equal(t, []string{"unheard-of declined", "captured declined"}, s.authorise(t, item("unheard-of", "tok_ok"), item("captured", "tok_ok")))
}

func TestWhatIsNotARequestIsRefusedWithItsField(t *testing.T) {
	s := newService(t)
	many := strings.Repeat(`"o",`, 1000) + `"o"`
	for _, c := range []struct {
		path, body string
		status     int
		field      string
	}{
		{"/payments/authorise", `{`, 400, ""},
		{"/payments/authorise", `{"payments":[],"x":1}`, 400, "x"},
		{"/payments/authorise", `{"payments":[]}`, 422, "payments"},
		{"/payments/authorise", `{"payments":[` + strings.Repeat(item("o", "t")+",", 200) + item("o", "t") + `]}`, 422, "payments"},
		{"/payments/authorise", `{"payments":[` + item("", "t") + `]}`, 422, "payments[0].orderId"},
		{"/payments/authorise", `{"payments":[` + item("o", "t") + "," + item("a||b", "t") + `]}`, 422, "payments[1].orderId"},
		{"/payments/authorise", `{"payments":[` + item("o", "") + `]}`, 422, "payments[0].token"},
		{"/payments/authorise", `{"payments":[` + strings.Replace(item("o", "t"), "c-1", "", 1) + `]}`, 422, "payments[0].customerId"},
		{"/payments/authorise", `{"payments":[` + strings.Replace(item("o", "t"), "2900", "0", 1) + `]}`, 422, "payments[0].amount"},
		{"/payments/authorise", `{"payments":[` + strings.Replace(item("o", "t"), "EUR", "eur", 1) + `]}`, 422, "payments[0].amount"},
		{"/payments/cancel", `{"orderIds":[]}`, 422, "orderIds"},
		{"/payments/cancel", `{"orderIds":["o","` + strings.Repeat("x", 65) + `"]}`, 422, "orderIds[1]"},
		{"/payments/query", `{"orderIds":[` + many + `]}`, 422, "orderIds"},
	} {
		status, answer := s.call(t, c.path, nil, c.body)
		assert.Equal(t, c.status, status, c.body)
		if c.field != "" {
			assert.Equal(t, c.field, answer["errors"].([]any)[0].(map[string]any)["field"], c.body)
		}
	}
	assert.Equal(t, "none", s.state(t, "o")["state"], "no effect")
}

// One token that the order service accepts must not have the whole batch refused.
func TestATokenIsCountedInCharacters(t *testing.T) {
	s := newService(t)
	long := strings.Repeat("é", 255)
	status, answer := s.call(t, "/payments/authorise", nil, `{"payments":[
		{"orderId":"a","customerId":"c","amount":{"amount":1,"currency":"EUR"},"token":"`+long+`"},
		{"orderId":"b","customerId":"c","amount":{"amount":1,"currency":"EUR"},"token":"tok_ok"}]}`)
	require.Equal(t, http.StatusOK, status)
	results, _ := answer["results"].([]any)
	require.Len(t, results, 2)
	assert.Equal(t, "declined", results[0].(map[string]any)["result"])
	assert.Equal(t, "authorised", results[1].(map[string]any)["result"])
	status, _ = s.call(t, "/payments/authorise", nil, `{"payments":[{"orderId":"a","customerId":"c","amount":{"amount":1,"currency":"EUR"},"token":"`+long+`é"}]}`)
	assert.Equal(t, http.StatusUnprocessableEntity, status)
}
