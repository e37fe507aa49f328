package api

import (
	"net/http"
	"time"

	"github.com/sidecart/sidecart/services/internal/problem"
)

func (s *Server) getSales(w http.ResponseWriter, r *http.Request) error {
	day := r.URL.Query().Get("day")
	if _, err := time.Parse(time.DateOnly, day); err != nil {
		return problem.InField(problem.InvalidParameter, "day", "must be a date such as 2026-01-31")
	}
	sales, err := s.Orders.Sales(r.Context(), day)
	if err != nil {
		return err
	}
	return problem.WriteJSON(w, http.StatusOK, sales)
}
