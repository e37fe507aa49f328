// Package api is the product service's HTTP and its event handlers.
package api

import (
	"net/http"

	"github.com/gorilla/mux"

	"github.com/sidecart/sidecart/services/internal/auth"
	"github.com/sidecart/sidecart/services/internal/serve"
	"github.com/sidecart/sidecart/services/internal/subscribe"
	"github.com/sidecart/sidecart/services/product/internal/search"
	"github.com/sidecart/sidecart/services/product/internal/store"
)

// Server answers for the catalogue: single products from state, lists from this replica's index.
type Server struct {
	products *store.Products
	index    *search.Index
}

// New makes a server.
func New(products *store.Products, index *search.Index) *Server { return &Server{products, index} }

// Routes serves the API and takes the events in; who is an administrator the verifier tells.
func (s *Server) Routes(router *mux.Router, verifier *auth.Verifier, receiver *subscribe.Receiver) {
	router.Path("/products").Methods(http.MethodGet).Handler(serve.Handler(s.listProducts))
	router.Path("/products").Methods(http.MethodPost).Handler(verifier.Administrator(s.createProduct))
	router.Path("/product").Methods(http.MethodGet).Handler(serve.Handler(s.showProduct))
	router.Path("/product").Methods(http.MethodPatch).Handler(verifier.Administrator(s.changeProduct))
	receiver.Mount(router, verifier.Administrator, s.Topics()...)
}
