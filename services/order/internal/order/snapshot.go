package order

import (
	"time"

	"github.com/sidecart/sidecart/services/internal/money"
)

// Snapshot is an order at one version as the other services are told of it: enough to stand
// alone (DESIGN R4), and nothing personal.
type Snapshot struct {
	OrderID      string      `json:"orderId"`
	CustomerID   string      `json:"customerId"`
	Version      int64       `json:"version"`
	Status       Status      `json:"status"`
	Reason       Reason      `json:"reason,omitempty"`
	Lines        []Line      `json:"lines"`
	Total        money.Money `json:"total"`
	PlacedAt     time.Time   `json:"placedAt"`
	UpdatedAt    time.Time   `json:"updatedAt"`
	WasConfirmed bool        `json:"wasConfirmed"`
	CartID       string      `json:"cartId,omitempty"`
}

// Snapshot of the order as it is.
func (o Order) Snapshot() Snapshot {
	return Snapshot{
		OrderID: o.OrderID, CustomerID: o.CustomerID, Version: o.Version, Status: o.Status, Reason: o.reason(), Lines: o.Lines,
		Total: o.Total, PlacedAt: o.PlacedAt, UpdatedAt: o.UpdatedAt, WasConfirmed: o.WasConfirmed, CartID: o.CartID,
	}
}

// reason is shown only when the cancellation is complete.
func (o Order) reason() Reason {
	if o.Status == StatusCancelled {
		return o.Reason
	}
	return ""
}

// Announcement is a state of the order that other services are told of.
type Announcement struct {
	Type string
	Snapshot
}

// Types of the events that leave the service; each carries a Snapshot.
const (
	SubmittedV1       = "order.submitted.v1"
	AwaitingPaymentV1 = "order.awaiting_payment.v1"
	ConfirmedV1       = "order.confirmed.v1"
	CancelledV1       = "order.cancelled.v1"
	// ResumedV1 carries only the order's id: work on it goes on.
	ResumedV1 = "order.resumed.v1"
)

var announced = map[string]string{PaymentPending: AwaitingPaymentV1, Confirmed: ConfirmedV1, Cancelled: CancelledV1}

// Announcements are all that the others were ever to be told of the stream, the order as it
// was then; each time the same, so that telling it again does no harm.
func (s Stream) Announcements() ([]Announcement, error) {
	var o Order
	var told []Announcement
	for _, e := range s {
		if err := o.evolve(e); err != nil {
			return nil, err
		}
		if kind, ok := announced[e.Type]; ok {
			told = append(told, Announcement{kind, o.Snapshot()})
		}
	}
	return told, nil
}
