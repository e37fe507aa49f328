package api

import (
	"net/http"
	"time"

	"github.com/sidecart/sidecart/services/internal/auth"
	"github.com/sidecart/sidecart/services/internal/journal"
	"github.com/sidecart/sidecart/services/internal/problem"
)

// notification is a note of the inbox as its customer sees it.
type notification struct {
	ID        string    `json:"id"`
	Kind      string    `json:"kind"`
	OrderID   string    `json:"orderId,omitempty"`
	Title     string    `json:"title"`
	Body      string    `json:"body"`
	CreatedAt time.Time `json:"createdAt"`
}

func (s *Server) listNotifications(w http.ResponseWriter, r *http.Request) error {
	limit, err := problem.Limit(r, 20, 100)
	if err != nil {
		return err
	}
	before := journal.Place(r.URL.Query().Get("cursor"))
	found, next, err := s.Notes.Newest(r.Context(), auth.From(r.Context()).Subject, before, limit)
	if err != nil {
		return err
	}
	answer := struct {
		Items      []notification `json:"items"`
		NextCursor journal.Place  `json:"nextCursor,omitempty"`
	}{make([]notification, len(found)), next}
	for i, note := range found {
		answer.Items[i] = notification{note.ID, note.Kind, note.OrderID, note.Title, note.Body, note.CreatedAt}
	}
	return problem.WriteJSON(w, http.StatusOK, answer)
}

// mostOrders bounds what one query asks for.
const mostOrders = 1000

// told is that a note exists.
type told struct {
	OrderID string `json:"orderId"`
	Kind    string `json:"kind"`
	Channel string `json:"channel"`
	ID      string `json:"id"`
}

func (s *Server) queryNotifications(w http.ResponseWriter, r *http.Request) error {
	var query struct {
		OrderIDs []string `json:"orderIds"`
	}
	if err := problem.Decode(w, r, &query); err != nil {
		return err
	}
	if len(query.OrderIDs) > mostOrders {
		return problem.InField(problem.Invalid, "orderIds", "must be at most %d", mostOrders)
	}
	notes, err := s.Notes.Find(r.Context(), query.OrderIDs)
	if err != nil {
		return err
	}
	answer := make([]told, len(notes))
	for i, note := range notes {
		answer[i] = told{note.OrderID, note.Kind, note.Channel, note.ID}
	}
	return problem.WriteJSON(w, http.StatusOK, map[string]any{"notifications": answer})
}
