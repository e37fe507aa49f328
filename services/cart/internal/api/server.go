// Package api is the cart service's HTTP API and its ear for events; the contracts are
// contracts/openapi/cart.yaml and contracts/asyncapi.yaml.
package api

import (
	"net/http"

	"github.com/gorilla/mux"

	"github.com/sidecart/sidecart/services/cart/internal/store"
	"github.com/sidecart/sidecart/services/internal/auth"
	"github.com/sidecart/sidecart/services/internal/serve"
	"github.com/sidecart/sidecart/services/internal/subscribe"
)

// Server answers requests and handles events.
type Server struct {
	Carts    *store.Carts
	Products *store.Products
	Verifier *auth.Verifier
	Receiver *subscribe.Receiver
}

// Routes adds API and topics to a router.
func (s *Server) Routes(router *mux.Router) {
	handle := func(method, path string, handler serve.Handler) {
		router.Path(path).Methods(method).Handler(s.Verifier.Customer(handler))
	}
	handle(http.MethodGet, "/cart", s.showCart)
	handle(http.MethodDelete, "/cart", s.clearCart)
	handle(http.MethodPut, "/cart/item", s.putItem)
	handle(http.MethodDelete, "/cart/item", s.removeItem)
	s.Receiver.Mount(router, s.Verifier.Administrator, s.Topics()...)
}
