// Package api is the payment service's HTTP interface: contracts/openapi/payment.yaml.
package api

import (
	"log/slog"
	"net/http"

	"github.com/gorilla/mux"

	"github.com/sidecart/sidecart/services/internal/problem"
	"github.com/sidecart/sidecart/services/internal/serve"
	"github.com/sidecart/sidecart/services/payment/internal/cashier"
)

// Limits of one call.
const (
	maxBatch = 200
	maxQuery = 1000
)

// Server answers the calls.
type Server struct {
	Cashier *cashier.Cashier
	Webhook *Webhook
	Log     *slog.Logger
}

// Routes serves the calls. None asks who the customer is: other services make them, and the
// provider's callback is known by its signature.
func (s *Server) Routes(router *mux.Router) {
	post := func(path string, handler serve.Handler) {
		router.Path(path).Methods(http.MethodPost).Handler(handler)
	}
	post("/payments/authorise", s.authorise)
	post("/payments/cancel", s.cancel)
	post("/payments/query", s.query)
	post("/payments/callback", s.callback)
}

// checkID keeps ids fit to be part of a key, whatever store is underneath.
func checkID(field, id string) error {
	if len(id) < 1 || len(id) > 64 {
		return problem.InField(problem.Invalid, field, "must have 1 to 64 characters")
	}
	for _, c := range id {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' {
			return problem.InField(problem.Invalid, field, "must be letters, digits and hyphens")
		}
	}
	return nil
}

// checkCount keeps a batch within its limit; an empty one is a mistake of the caller's.
func checkCount(field string, n, most int) error {
	if n < 1 || n > most {
		return problem.InField(problem.Invalid, field, "must have 1 to %d items, has %d", most, n)
	}
	return nil
}
