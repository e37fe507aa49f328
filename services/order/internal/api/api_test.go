package api_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/mux"
	"github.com/stretchr/testify/require"

	"github.com/sidecart/sidecart/contracts/contracttest"
	"github.com/sidecart/sidecart/services/internal/auth/authtest"
	"github.com/sidecart/sidecart/services/internal/event"
	"github.com/sidecart/sidecart/services/internal/money"
	"github.com/sidecart/sidecart/services/internal/state/statetest"
	"github.com/sidecart/sidecart/services/internal/subscribe"
	"github.com/sidecart/sidecart/services/order/internal/api"
	"github.com/sidecart/sidecart/services/order/internal/intake"
	"github.com/sidecart/sidecart/services/order/internal/order"
	"github.com/sidecart/sidecart/services/order/internal/peers"
	"github.com/sidecart/sidecart/services/order/internal/saga"
	"github.com/sidecart/sidecart/services/order/internal/store"
)

// always is a participant that does and undoes everything.
type always struct{}

func (always) Do(_ context.Context, orders []order.Order) map[string]saga.Result {
	results := map[string]saga.Result{}
	for _, o := range orders {
		results[o.OrderID] = saga.Result{Outcome: saga.Done, PaymentID: "p"}
	}
	return results
}

func (a always) Undo(ctx context.Context, orders []order.Order) map[string]saga.Result {
	return a.Do(ctx, orders)
}

type basket peers.Basket

func (b *basket) Of(context.Context, string) (peers.Basket, error) { return peers.Basket(*b), nil }

type shop struct {
	t      *testing.T
	server *api.Server
	router *mux.Router
	signer *authtest.Signer
	memory *statetest.Memory
	basket *basket

	mu        sync.Mutex
	published map[string][]event.Event
}

func newShop(t *testing.T) *shop {
	s := &shop{t: t, router: mux.NewRouter(), signer: authtest.New(t), memory: statetest.NewMemory(), basket: &basket{}, published: map[string][]event.Event{}}
	streams := store.NewStreams(s.memory)
	catalogue := store.NewCatalogue(s.memory, func(context.Context, string) (*store.Product, error) { return nil, nil })
	waiters := api.NewWaiters(t.Context().Done())
	s.server = &api.Server{
		Streams: streams, Catalogue: catalogue, Intake: intake.New(streams, s.publish), Cart: s.basket, Verifier: s.signer.Verifier(),
		Waiters: waiters, Deadline: time.Minute, Now: time.Now,
		Saga: &saga.Saga{
			Streams: streams, Stock: always{}, Payment: always{}, Publish: s.publish, Catalogue: catalogue, Now: time.Now,
			Driven: func(o order.Order) { waiters.Wake(o.OrderID) },
		},
	}
	s.server.Routes(s.router)
	subscribe.New(s.memory, slog.New(slog.DiscardHandler)).Mount(s.router, s.server.Verifier.Administrator)
	s.product("p1", 250, "EUR", false)
	s.product("p2", 100, "EUR", false)
	s.product("dollars", 100, "USD", false)
	s.product("retired", 100, "EUR", true)
	return s
}

func (s *shop) product(id string, amount int64, currency string, retired bool) {
	require.NoError(s.t, s.server.Catalogue.Apply(s.t.Context(), store.Product{
		ProductID: id, Version: 1, Name: "Product " + id, Price: money.Money{Amount: amount, Currency: currency}, Retired: retired,
	}))
}

func (s *shop) publish(_ context.Context, topic string, events ...event.Event) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range events {
		contracttest.Event(s.t, e)
	}
	s.published[topic] = append(s.published[topic], events...)
	return nil
}

// deliver hands every queued message to the saga.
func (s *shop) deliver() {
	s.mu.Lock()
	events := s.published[intake.Queue]
	s.published[intake.Queue] = nil
	s.mu.Unlock()
	for _, topic := range s.server.Topics() {
		if topic.Name == intake.Queue {
			for _, err := range topic.Handle(s.t.Context(), events) {
				require.NoError(s.t, err)
			}
		}
	}
}

func (s *shop) call(method, path, customer, body string, headers ...string) (int, map[string]any, http.Header) {
	r := httptest.NewRequestWithContext(s.t.Context(), method, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+s.signer.Token(customer, "customer", time.Minute))
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	s.router.ServeHTTP(w, r)
	contracttest.Answer(s.t, "order", method, r.URL.Path, w.Code, w.Body.Bytes())
	var answer map[string]any
	require.NoError(s.t, json.Unmarshal(w.Body.Bytes(), &answer))
	return w.Code, answer, w.Header()
}

const address = `"shippingAddress":{"name":"A","street":"B 1","city":"C","postalCode":"1","country":"DE"}`

func body(items string) string {
	return `{"items":` + items + `,"paymentToken":"tok_ok",` + address + `}`
}

func TestRoutesAndTopicsAreThoseOfTheContract(t *testing.T) {
	s := newShop(t)
	contracttest.Routes(t, "order", s.router)
	for _, topic := range s.server.Topics() {
		contracttest.Hears(t, "order", topic.Name, topic.Types, topic.Ignored)
	}
}

func TestAnOrderIsPlacedAndConfirmed(t *testing.T) {
	s := newShop(t)
	status, placed, header := s.call("POST", "/orders", "ann", body(`[{"productId":"p1","quantity":2},{"productId":"p2","quantity":1}]`), "Idempotency-Key", "k")
	require.Equal(t, 202, status)
	require.Equal(t, "submitted", placed["status"])
	require.Equal(t, map[string]any{"amount": 600.0, "currency": "EUR"}, placed["total"])
	id := placed["id"].(string)
	require.Equal(t, "/api/orders/"+id, header.Get("Location"))

	s.deliver()
	status, read, _ := s.call("GET", "/order?id="+id, "ann", "")
	require.Equal(t, 200, status)
	require.Equal(t, "confirmed", read["status"])
	require.Equal(t, order.ConfirmedV1, s.published["orders"][0].Type)

	status, _, _ = s.call("GET", "/order?id="+id, "bob", "")
	require.Equal(t, 404, status, "another customer's order")
	status, history, _ := s.call("GET", "/order/history?id="+id, "ann", "")
	require.Equal(t, 200, status)
	text := fmt.Sprint(history)
	require.Contains(t, text, order.StockReserved)
	require.NotContains(t, text, "tok_ok")
	_, streams, _ := s.call("GET", "/orders/streams?page=1", "", "")
	require.Len(t, streams["orders"], 1)
	require.NotContains(t, fmt.Sprint(streams), "B 1", "an address left the service")
	_, outcomes, _ := s.call("POST", "/orders/outcomes", "", `{"orderIds":["`+id+`","3f0f1c1e-0000-4000-8000-000000000000"]}`)
	require.Equal(t, "[map[orderId:"+id+" outcome:confirmed] map[orderId:3f0f1c1e-0000-4000-8000-000000000000 outcome:none]]", fmt.Sprint(outcomes["outcomes"]))

	status, _, _ = s.call("POST", "/order/cancel?id="+id, "ann", "")
	require.Equal(t, 202, status)
	s.deliver()
	_, read, _ = s.call("GET", "/order?id="+id, "ann", "")
	require.Equal(t, "cancelled", read["status"])
	require.Equal(t, "by_customer", read["reason"])
	status, _, _ = s.call("POST", "/order/cancel?id="+id, "ann", "")
	require.Equal(t, 200, status, "cancelling twice")
}

func TestTheSameRequestTwiceIsOneOrder(t *testing.T) {
	s := newShop(t)
	var wg sync.WaitGroup
	ids := make([]any, 10)
	for i := range ids {
		wg.Go(func() {
			_, placed, _ := s.call("POST", "/orders", "ann", body(`[{"productId":"p1","quantity":2}]`), "Idempotency-Key", "k")
			ids[i] = placed["id"]
		})
	}
	wg.Wait()
	for _, id := range ids {
		require.Equal(t, ids[0], id)
	}
	s.deliver()
	_, streams, _ := s.call("GET", "/orders/streams?page=1", "", "")
	require.Len(t, streams["orders"], 1)

	status, answer, _ := s.call("POST", "/orders", "ann", body(`[{"productId":"p1","quantity":3}]`), "Idempotency-Key", "k")
	require.Equal(t, 422, status)
	require.Equal(t, "idempotency_key_reused", answer["code"])
	status, other, _ := s.call("POST", "/orders", "bob", body(`[{"productId":"p1","quantity":3}]`), "Idempotency-Key", "k")
	require.Equal(t, 202, status, "another customer's key is another key")
	require.NotEqual(t, ids[0], other["id"])
}

// The request dies after its stream is written and before its message is out; the customer sends it again.
func TestADeadRequestIsCompletedByItsRepetition(t *testing.T) {
	s := newShop(t)
	s.memory.Fault = func(key string, applied bool) error {
		if applied && strings.HasPrefix(key, "order-") {
			return fmt.Errorf("dies")
		}
		return nil
	}
	request := func() int {
		status, _, _ := s.call("POST", "/orders", "ann", body(`[{"productId":"p1","quantity":2}]`), "Idempotency-Key", "k")
		return status
	}
	require.Equal(t, 503, request())
	require.Empty(t, s.published[intake.Queue])
	s.memory.Fault = nil
	require.Equal(t, 202, request())
	require.Len(t, s.published[intake.Queue], 1)
}

func TestAnOrderFromTheCartKeepsThePriceThatTheCartShowed(t *testing.T) {
	s := newShop(t)
	request := `{"fromCart":true,"paymentToken":"tok_ok",` + address + `}`
	status, answer, _ := s.call("POST", "/orders", "ann", request, "Idempotency-Key", "k")
	require.Equal(t, 422, status)
	require.Equal(t, "invalid", answer["code"])
	s.basket.CartID = "c1"
	s.basket.Items = []order.Line{{ProductID: "p1", Quantity: 2, UnitPrice: money.Money{Amount: 200, Currency: "EUR"}}}
	status, placed, _ := s.call("POST", "/orders", "ann", request, "Idempotency-Key", "k")
	require.Equal(t, 202, status)
	s.deliver()
	_, read, _ := s.call("GET", "/order?id="+placed["id"].(string), "ann", "")
	require.Equal(t, "price_changed", read["reason"])
	s.basket.Items = nil
	status, again, _ := s.call("POST", "/orders", "ann", request, "Idempotency-Key", "k")
	require.Equal(t, 202, status, "the repeated request meets its order, though the cart is empty now")
	require.Equal(t, placed["id"], again["id"])
}

func TestPreferWaitHoldsTheAnswer(t *testing.T) {
	s := newShop(t)
	go func() {
		for range 200 {
			s.mu.Lock()
			queued := len(s.published[intake.Queue])
			s.mu.Unlock()
			if queued > 0 {
				s.deliver()
				return
			}
			<-time.After(10 * time.Millisecond)
		}
	}()
	status, placed, header := s.call("POST", "/orders", "ann", body(`[{"productId":"p1","quantity":2}]`), "Idempotency-Key", "k", "Prefer", "respond-async, wait=10")
	require.Equal(t, 200, status)
	require.Equal(t, "confirmed", placed["status"])
	require.NotEmpty(t, header.Get("Preference-Applied"))
}

func TestBadInput(t *testing.T) {
	s := newShop(t)
	many := make([]string, 101)
	for i := range many {
		many[i] = fmt.Sprintf(`{"productId":"p%d","quantity":1}`, i)
	}
	line := `[{"productId":"p1","quantity":1}]`
	for name, c := range map[string]struct {
		body, code, field string
		headers           []string
		status            int
	}{
		"unknown product":  {body: body(`[{"productId":"nope","quantity":1}]`), status: 422, code: "unknown_product", field: "items[0].productId"},
		"retired product":  {body: body(`[{"productId":"retired","quantity":1}]`), status: 422, code: "retired_product", field: "items[0].productId"},
		"quantity 0":       {body: body(`[{"productId":"p1","quantity":0}]`), status: 422, code: "invalid", field: "items[0].quantity"},
		"quantity -1":      {body: body(`[{"productId":"p1","quantity":-1}]`), status: 422, code: "invalid", field: "items[0].quantity"},
		"quantity 1000":    {body: body(`[{"productId":"p1","quantity":1000}]`), status: 422, code: "invalid", field: "items[0].quantity"},
		"quantity 1.5":     {body: body(`[{"productId":"p1","quantity":1.5}]`), status: 422, code: "invalid"},
		"quantity text":    {body: body(`[{"productId":"p1","quantity":"1"}]`), status: 422, code: "invalid"},
		"101 lines":        {body: body("[" + strings.Join(many, ",") + "]"), status: 422, code: "invalid", field: "items"},
		"no lines":         {body: body(`[]`), status: 422, code: "invalid", field: "items"},
		"duplicate lines":  {body: body(`[{"productId":"p1","quantity":1},{"productId":"p1","quantity":1}]`), status: 422, code: "invalid", field: "items[1].productId"},
		"currency mix":     {body: body(`[{"productId":"p1","quantity":1},{"productId":"dollars","quantity":1}]`), status: 422, code: "currency_mix", field: "items"},
		"no key":           {body: body(line), headers: []string{"Idempotency-Key", ""}, status: 400, code: "idempotency_key_missing", field: "Idempotency-Key"},
		"long key":         {body: body(line), headers: []string{"Idempotency-Key", strings.Repeat("k", 256)}, status: 400, code: "idempotency_key_too_long", field: "Idempotency-Key"},
		"malformed JSON":   {body: `{"items":`, status: 400, code: "malformed_json"},
		"two values":       {body: body(line) + "{}", status: 400, code: "malformed_json"},
		"unknown field":    {body: `{"price":1}`, status: 400, code: "unknown_field", field: "price"},
		"large body":       {body: `{"paymentToken":"` + strings.Repeat("x", 1<<20) + `"}`, status: 413, code: "too_large"},
		"content type":     {body: body(line), headers: []string{"Content-Type", "text/plain"}, status: 415, code: "unsupported_media_type", field: "Content-Type"},
		"no address":       {body: `{"items":` + line + `,"paymentToken":"tok_ok"}`, status: 422, code: "invalid", field: "shippingAddress"},
		"no payment token": {body: `{"items":` + line + `,` + address + `}`, status: 422, code: "invalid", field: "paymentToken"},
		"items and cart":   {body: `{"fromCart":true,"items":` + line + `,"paymentToken":"t",` + address + `}`, status: 422, code: "invalid", field: "items"},
		"foreign token":    {body: body(line), headers: []string{"Authorization", "Bearer " + authtest.New(t).Token("ann", "customer", time.Minute)}, status: 401, code: "unauthenticated", field: "Authorization"},
		"expired token":    {body: body(line), headers: []string{"Authorization", "Bearer " + s.signer.Token("ann", "customer", -time.Minute)}, status: 401, code: "unauthenticated", field: "Authorization"},
	} {
		t.Run(name, func(t *testing.T) {
			status, answer, _ := s.call("POST", "/orders", "ann", c.body, append([]string{"Idempotency-Key", "bad"}, c.headers...)...)
			require.Equal(t, c.status, status, answer)
			require.Equal(t, c.code, answer["code"])
			if c.field != "" {
				require.Equal(t, c.field, answer["errors"].([]any)[0].(map[string]any)["field"])
			}
		})
	}
	_, streams, _ := s.call("GET", "/orders/streams?page=1", "", "")
	require.Empty(t, streams["orders"], "bad input had an effect")
	require.Empty(t, s.published)
}

// The product service answers for an id in any spelling; inventory would not have the product under it.
func TestAnotherSpellingOfAnIDIsNoProduct(t *testing.T) {
	s := newShop(t)
	asked := 0
	s.server.Catalogue.Ask = func(_ context.Context, id string) (*store.Product, error) {
		asked++
		return &store.Product{ProductID: strings.ToLower(id), Version: 1, Name: "Product", Price: money.Money{Amount: 1, Currency: "EUR"}}, nil
	}
	status, answer, _ := s.call("POST", "/orders", "ann", body(`[{"productId":"ABC","quantity":1},{"productId":"DEF","quantity":1}]`), "Idempotency-Key", "k")
	require.Equal(t, 422, status)
	require.Equal(t, "unknown_product", answer["code"])
	require.Equal(t, 1, asked, "one unknown product is enough")
	status, _, _ = s.call("POST", "/orders", "ann", body(`[{"productId":"abc","quantity":1}]`), "Idempotency-Key", "k")
	require.Equal(t, 202, status)
}
