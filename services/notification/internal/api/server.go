// Package api is the notification service's HTTP API and its event handlers.
package api

import (
	"net/http"
	"sync/atomic"

	"github.com/gorilla/mux"

	"github.com/sidecart/sidecart/services/internal/auth"
	"github.com/sidecart/sidecart/services/internal/serve"
	"github.com/sidecart/sidecart/services/notification/internal/store"
)

// Server answers requests and takes events.
type Server struct {
	Notes *store.Notes

	channels atomic.Pointer[[]string]
}

// Use tells which channels there are. Until then events are to be delivered again: the sidecar
// delivers as soon as the port is open, which is before it can be asked what it has loaded.
func (s *Server) Use(channels ...string) { s.channels.Store(&channels) }

// Routes are those of contracts/openapi/notification.yaml, but for the dead letters.
func (s *Server) Routes(router *mux.Router, verifier *auth.Verifier) {
	router.Path("/notifications").Methods(http.MethodGet).Handler(verifier.Customer(s.listNotifications))
	router.Path("/notifications/query").Methods(http.MethodPost).Handler(serve.Handler(s.queryNotifications))
}
