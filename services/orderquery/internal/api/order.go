package api

import (
	"net/http"
	"time"

	"github.com/sidecart/sidecart/services/internal/auth"
	"github.com/sidecart/sidecart/services/internal/journal"
	"github.com/sidecart/sidecart/services/internal/money"
	"github.com/sidecart/sidecart/services/internal/problem"
	"github.com/sidecart/sidecart/services/orderquery/internal/projection"
)

// order is an order as the public API shows it everywhere, but for the address, which the read side does not have.
type order struct {
	ID         string            `json:"id"`
	CustomerID string            `json:"customerId"`
	Status     string            `json:"status"`
	Reason     string            `json:"reason,omitempty"`
	Lines      []projection.Line `json:"lines"`
	Total      money.Money       `json:"total"`
	Version    int64             `json:"version"`
	PlacedAt   time.Time         `json:"placedAt"`
	UpdatedAt  time.Time         `json:"updatedAt"`
}

func (s *Server) listOrders(w http.ResponseWriter, r *http.Request) error {
	limit, err := problem.Limit(r, 20, 100)
	if err != nil {
		return err
	}
	before := journal.Place(r.URL.Query().Get("cursor"))
	found, next, err := s.Orders.Newest(r.Context(), auth.From(r.Context()).Subject, before, limit)
	if err != nil {
		return err
	}
	answer := struct {
		Items      []order       `json:"items"`
		NextCursor journal.Place `json:"nextCursor,omitempty"`
	}{make([]order, len(found)), next}
	for i, o := range found {
		answer.Items[i] = order{o.OrderID, o.CustomerID, o.Status, o.Reason, o.Lines, o.Total, o.Version, o.PlacedAt, o.UpdatedAt}
	}
	return problem.WriteJSON(w, http.StatusOK, answer)
}

// mostEntries bounds what one query asks for.
const mostEntries = 1000

func (s *Server) queryEntries(w http.ResponseWriter, r *http.Request) error {
	var query struct {
		OrderIDs []string `json:"orderIds"`
	}
	if err := problem.Decode(w, r, &query); err != nil {
		return err
	}
	if len(query.OrderIDs) > mostEntries {
		return problem.InField(problem.Invalid, "orderIds", "must be at most %d", mostEntries)
	}
	orders, err := s.Orders.Find(r.Context(), query.OrderIDs)
	if err != nil {
		return err
	}
	return problem.WriteJSON(w, http.StatusOK, map[string]any{"entries": orders})
}
