// Package projection is what the read side makes of order events: pure functions, no I/O.
package projection

import (
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/sidecart/sidecart/services/internal/money"
)

// Types of the events that carry an Order, and of those that say nothing to the read side.
const (
	Submitted       = "order.submitted.v1"
	AwaitingPayment = "order.awaiting_payment.v1"
	Confirmed       = "order.confirmed.v1"
	Cancelled       = "order.cancelled.v1"
	Resumed         = "order.resumed.v1"
)

// Order is an order as it stood after the event of its stream that Version counts.
type Order struct {
	OrderID    string      `json:"orderId"`
	CustomerID string      `json:"customerId"`
	Version    int64       `json:"version"`
	Status     string      `json:"status"`
	Reason     string      `json:"reason,omitempty"`
	Lines      []Line      `json:"lines"`
	Total      money.Money `json:"total"`
	PlacedAt   time.Time   `json:"placedAt"`
	UpdatedAt  time.Time   `json:"updatedAt"`
	// WasConfirmed: the order is confirmed, or was before it was cancelled.
	WasConfirmed bool `json:"wasConfirmed"`
}

// Line is a product of an order, at the price it was ordered for.
type Line struct {
	ProductID string      `json:"productId"`
	Name      string      `json:"name"`
	Quantity  int64       `json:"quantity"`
	UnitPrice money.Money `json:"unitPrice"`
}

// Valid says why an order cannot be shown, or nil.
func (o Order) Valid() error {
	for name, id := range map[string]string{"orderId": o.OrderID, "customerId": o.CustomerID} {
		// Parse alone also takes braces and urn: prefixes, which would be other keys.
		if _, err := uuid.Parse(id); err != nil || len(id) != 36 {
			return fmt.Errorf("%s %q is not a UUID", name, id)
		}
	}
	switch o.Status {
	case "submitted", "awaiting_payment", "confirmed", "cancelled":
	default:
		return fmt.Errorf("unknown status %q", o.Status)
	}
	switch {
	case o.Version < 1:
		return fmt.Errorf("version %d", o.Version)
	case o.PlacedAt.IsZero():
		return errors.New("placedAt is missing")
	case len(o.Lines) == 0:
		return errors.New("no lines")
	case !o.Total.Valid():
		return fmt.Errorf("total %d %q", o.Total.Amount, o.Total.Currency)
	}
	return nil
}

// Day is the day, in UTC, that the order's sale is counted on: the day it was placed, which
// every event of the order tells, in whatever order they come.
func (o Order) Day() string { return o.PlacedAt.UTC().Format(time.DateOnly) }

// Latest keeps the highest version of each order, in the order in which they first come.
func Latest(snapshots []Order) []Order {
	at := make(map[string]int, len(snapshots))
	latest := make([]Order, 0, len(snapshots))
	for _, s := range snapshots {
		i, known := at[s.OrderID]
		switch {
		case !known:
			at[s.OrderID] = len(latest)
			latest = append(latest, s)
		case s.Version > latest[i].Version:
			latest[i] = s
		}
	}
	return latest
}
