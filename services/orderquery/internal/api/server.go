// Package api is the read side's HTTP API and its event handlers.
package api

import (
	"context"
	"net/http"

	"github.com/gorilla/mux"

	"github.com/sidecart/sidecart/services/internal/auth"
	"github.com/sidecart/sidecart/services/internal/serve"
	"github.com/sidecart/sidecart/services/orderquery/internal/store"
	"github.com/sidecart/sidecart/services/orderquery/internal/streams"
)

// Streams is where the event streams are read that the read side is rebuilt from.
type Streams interface {
	// Page answers page n, the first being 1. Error: state.ErrUnavailable.
	Page(ctx context.Context, n int64) (streams.Page, error)
}

// Server answers requests and takes events.
type Server struct {
	Orders  *store.Orders
	Streams Streams
}

// Routes are those of contracts/openapi/orderquery.yaml, but for the dead letters.
func (s *Server) Routes(router *mux.Router, verifier *auth.Verifier) {
	router.Path("/orders").Methods(http.MethodGet).Handler(verifier.Customer(s.listOrders))
	router.Path("/entries/query").Methods(http.MethodPost).Handler(serve.Handler(s.queryEntries))
	router.Path("/sales").Methods(http.MethodGet).Handler(verifier.Administrator(s.getSales))
	router.Path("/rebuild").Methods(http.MethodPost).Handler(verifier.Administrator(s.rebuild))
}
