// Package streams reads the order service's event streams, the truth that the read side is rebuilt from.
package streams

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/sidecart/sidecart/services/internal/dapr"
	"github.com/sidecart/sidecart/services/internal/money"
	"github.com/sidecart/sidecart/services/orderquery/internal/projection"
)

// Page is one page of all orders; Next is 0 on the last one.
type Page struct {
	Orders []Stream `json:"orders"`
	Next   int64    `json:"nextPage"`
}

// Stream is an order: its state and the events that it is the fold of.
type Stream struct {
	Order struct {
		ID         string            `json:"id"`
		CustomerID string            `json:"customerId"`
		Status     string            `json:"status"`
		Reason     string            `json:"reason"`
		Lines      []projection.Line `json:"lines"`
		Total      money.Money       `json:"total"`
		Version    int64             `json:"version"`
		PlacedAt   time.Time         `json:"placedAt"`
		UpdatedAt  time.Time         `json:"updatedAt"`
	} `json:"order"`
	Events []struct {
		Type string `json:"type"`
	} `json:"events"`
}

// confirmed is the type, within a stream, of the event that confirms an order.
const confirmed = "order.confirmed"

// Snapshot is what the order's next event would carry.
func (s Stream) Snapshot() projection.Order {
	o := projection.Order{
		OrderID: s.Order.ID, CustomerID: s.Order.CustomerID, Version: s.Order.Version, Status: s.Order.Status, Reason: s.Order.Reason,
		Lines: s.Order.Lines, Total: s.Order.Total, PlacedAt: s.Order.PlacedAt, UpdatedAt: s.Order.UpdatedAt,
	}
	for _, e := range s.Events {
		o.WasConfirmed = o.WasConfirmed || e.Type == confirmed
	}
	return o
}

// Source asks the order service through the sidecar.
type Source struct{ Sidecar *dapr.Client }

// Page reads page n, the first being 1. Error: state.ErrUnavailable.
func (s Source) Page(ctx context.Context, n int64) (Page, error) {
	ctx, cancel := context.WithTimeout(ctx, 4*time.Second)
	defer cancel()
	var page Page
	err := s.Sidecar.Invoke(ctx, dapr.Call{App: "order", Method: http.MethodGet, Path: fmt.Sprintf("/orders/streams?page=%d", n), Out: &page})
	return page, err
}
