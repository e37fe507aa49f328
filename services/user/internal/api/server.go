// Package api is the user service's HTTP API; the contract is contracts/openapi/user.yaml.
package api

import (
	"net/http"

	"github.com/gorilla/mux"

	"github.com/sidecart/sidecart/services/internal/auth"
	"github.com/sidecart/sidecart/services/internal/problem"
	"github.com/sidecart/sidecart/services/internal/serve"
	"github.com/sidecart/sidecart/services/user/internal/access"
	"github.com/sidecart/sidecart/services/user/internal/token"
)

// Server answers requests.
type Server struct {
	Accounts *access.Accounts
	Sessions *access.Sessions
	Issuer   *token.Issuer
	Verifier *auth.Verifier
}

// Routes adds the API to a router.
func (s *Server) Routes(router *mux.Router) {
	handle := func(method, path string, handler serve.Handler) { router.Path(path).Methods(method).Handler(handler) }
	handle(http.MethodPost, "/users", s.register)
	handle(http.MethodGet, "/users/me", s.Verifier.Customer(s.profile))
	handle(http.MethodPost, "/sessions", s.signIn)
	handle(http.MethodPost, "/sessions/refresh", s.refresh)
	handle(http.MethodDelete, "/sessions", s.Verifier.Customer(s.signOut))
	handle(http.MethodGet, "/jwks", s.keys)
	handle(http.MethodGet, "/user/contact", s.contact)
}

func (s *Server) keys(w http.ResponseWriter, _ *http.Request) error {
	set, err := s.Issuer.KeySet()
	if err != nil {
		return err
	}
	return problem.WriteJSON(w, http.StatusOK, set)
}
