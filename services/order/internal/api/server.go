// Package api is the order service's HTTP side: requests in api/orders.go and its like, events in api/events.go.
package api

import (
	"context"
	"net/http"
	"time"

	"github.com/gorilla/mux"

	"github.com/sidecart/sidecart/services/internal/auth"
	"github.com/sidecart/sidecart/services/internal/money"
	"github.com/sidecart/sidecart/services/internal/problem"
	"github.com/sidecart/sidecart/services/internal/serve"
	"github.com/sidecart/sidecart/services/order/internal/intake"
	"github.com/sidecart/sidecart/services/order/internal/order"
	"github.com/sidecart/sidecart/services/order/internal/peers"
	"github.com/sidecart/sidecart/services/order/internal/saga"
	"github.com/sidecart/sidecart/services/order/internal/store"
)

// Server answers the order service's requests.
type Server struct {
	Streams   *store.Streams
	Catalogue *store.Catalogue
	Intake    *intake.Intake
	Saga      *saga.Saga
	// Cart reads the customer's basket; errors as from dapr.Client.Invoke.
	Cart interface {
		Of(ctx context.Context, authorization string) (peers.Basket, error)
	}
	Verifier *auth.Verifier
	Waiters  *Waiters
	// Deadline is how long after its submission an unconfirmed order is cancelled.
	Deadline time.Duration
	Now      func() time.Time
}

// Routes mounts the API that contracts/openapi/order.yaml describes.
func (s *Server) Routes(router *mux.Router) {
	customer := s.Verifier.Customer
	router.Path("/orders").Methods(http.MethodPost).Handler(customer(s.placeOrder))
	router.Path("/order").Methods(http.MethodGet).Handler(customer(s.getOrder))
	router.Path("/order/history").Methods(http.MethodGet).Handler(customer(s.getHistory))
	router.Path("/order/cancel").Methods(http.MethodPost).Handler(customer(s.cancelOrder))
	router.Path("/orders/outcomes").Methods(http.MethodPost).Handler(serve.Handler(s.outcomes))
	router.Path("/orders/streams").Methods(http.MethodGet).Handler(serve.Handler(s.streams))
}

// own loads the order that the request names, if it is the customer's own; nobody learns of others.
func (s *Server) own(r *http.Request) (*store.Loaded, error) {
	loaded, err := s.Streams.Load(r.Context(), r.URL.Query().Get("id"))
	if err != nil {
		return nil, err
	}
	l := loaded[0]
	if l.Broken != nil {
		return nil, l.Broken
	}
	if !l.Exists() || l.Order.CustomerID != auth.From(r.Context()).Subject {
		return nil, problem.New(problem.NotFound, "no such order")
	}
	return l, nil
}

// answer gives the order: 202, or 200 when it became final within the time that the request would wait for it (RFC 7240 §4.3).
func (s *Server) answer(w http.ResponseWriter, r *http.Request, o order.Order) error {
	status := http.StatusAccepted
	if prefer, waits := wait(r); waits {
		var err error
		if o, err = s.Waiters.Wait(r.Context(), prefer, o, s.look); err != nil {
			return err
		}
		if o.Final() {
			status = http.StatusOK
		}
		w.Header().Set("Preference-Applied", r.Header.Get("Prefer"))
	}
	w.Header().Set("Location", "/api/orders/"+o.OrderID)
	return problem.WriteJSON(w, status, present(o))
}

// look reads an order that exists.
func (s *Server) look(ctx context.Context, id string) (order.Order, error) {
	loaded, err := s.Streams.Load(ctx, id)
	if err != nil {
		return order.Order{}, err
	}
	return loaded[0].Order, loaded[0].Broken
}

// view is an order as its customer and the other services' readers see it.
type view struct {
	ID              string         `json:"id"`
	CustomerID      string         `json:"customerId"`
	Status          order.Status   `json:"status"`
	Reason          order.Reason   `json:"reason,omitempty"`
	Lines           []order.Line   `json:"lines"`
	Total           money.Money    `json:"total"`
	Version         int64          `json:"version"`
	PlacedAt        time.Time      `json:"placedAt"`
	UpdatedAt       time.Time      `json:"updatedAt"`
	ShippingAddress *order.Address `json:"shippingAddress,omitempty"`
}

func present(o order.Order) view {
	s := o.Snapshot()
	return view{s.OrderID, s.CustomerID, s.Status, s.Reason, s.Lines, s.Total, s.Version, s.PlacedAt, s.UpdatedAt, &o.ShippingAddress}
}
