package api

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/sidecart/sidecart/services/internal/auth"
	"github.com/sidecart/sidecart/services/internal/problem"
	"github.com/sidecart/sidecart/services/notification/internal/store"
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
	before, err := parseCursor(r.URL.Query().Get("cursor"))
	if err != nil {
		return err
	}
	found, next, err := s.Notes.Newest(r.Context(), auth.From(r.Context()).Subject, before, limit)
	if errors.Is(err, store.ErrPlace) {
		return errCursor()
	}
	if err != nil {
		return err
	}
	answer := struct {
		Items      []notification `json:"items"`
		NextCursor string         `json:"nextCursor,omitempty"`
	}{make([]notification, len(found)), cursor(next)}
	for i, note := range found {
		answer.Items[i] = notification{note.ID, note.Kind, note.OrderID, note.Title, note.Body, note.CreatedAt}
	}
	return problem.WriteJSON(w, http.StatusOK, answer)
}

// cursor names a place in the customer's inbox for the client to come back with.
func cursor(place store.Place) string {
	if place == (store.Place{}) {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%d.%d", place.Page, place.Index))
}

func parseCursor(text string) (place store.Place, err error) {
	if text == "" {
		return place, nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return place, errCursor()
	}
	if _, err := fmt.Sscanf(string(raw), "%d.%d", &place.Page, &place.Index); err != nil || cursor(place) != text {
		return store.Place{}, errCursor()
	}
	return place, nil
}

func errCursor() error {
	return problem.InField(problem.InvalidParameter, "cursor", "is not one that this list has answered")
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
