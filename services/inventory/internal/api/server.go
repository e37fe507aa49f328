// Package api is the inventory's HTTP side: what other services and administrators call,
// and the events it hears.
package api

import (
	"context"
	"net/http"

	"github.com/gorilla/mux"

	"github.com/sidecart/sidecart/services/internal/serve"
	"github.com/sidecart/sidecart/services/internal/subscribe"
	"github.com/sidecart/sidecart/services/inventory/internal/ledger"
)

// Server answers requests and events.
type Server struct {
	Ledger *ledger.Ledger
	// KnowsProduct tells whether the catalogue has a product. Errors: state.ErrUnavailable.
	KnowsProduct func(ctx context.Context, productID string) (bool, error)
}

// Routes serves everything; admin lets only administrators pass.
func (s *Server) Routes(router *mux.Router, receiver *subscribe.Receiver, admin func(serve.Handler) serve.Handler) {
	router.Path("/reservations").Methods(http.MethodPost).Handler(serve.Handler(s.reserve))
	router.Path("/reservations/release").Methods(http.MethodPost).Handler(serve.Handler(s.release))
	router.Path("/reservations/return").Methods(http.MethodPost).Handler(serve.Handler(s.giveBack))
	router.Path("/reservations/query").Methods(http.MethodPost).Handler(serve.Handler(s.queryReservations))
	router.Path("/stock").Methods(http.MethodGet).Handler(admin(s.getStock))
	router.Path("/stock/list").Methods(http.MethodGet).Handler(serve.Handler(s.listStock))
	router.Path("/stock/receipts").Methods(http.MethodPost).Handler(admin(s.receive))
	receiver.Mount(router, admin, s.orders(), s.catalog())
}
