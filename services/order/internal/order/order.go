// Package order is the order as an event-sourced aggregate: its events, the fold that makes
// its state of them, and the decisions that make new ones. It is pure: no clock, no I/O.
package order

import (
	"fmt"
	"time"

	"github.com/google/uuid"
)

// Status of an order as its customer sees it.
type Status string

// The states of an order.
const (
	StatusSubmitted       Status = "submitted"
	StatusAwaitingPayment Status = "awaiting_payment"
	StatusConfirmed       Status = "confirmed"
	StatusCancelled       Status = "cancelled"
)

// Reason why an order was cancelled.
type Reason string

// The reasons.
const (
	OutOfStock      Reason = "out_of_stock"
	PaymentDeclined Reason = "payment_declined"
	PriceChanged    Reason = "price_changed"
	Expired         Reason = "expired"
	ByCustomer      Reason = "by_customer"
)

// Order is the fold of a stream.
type Order struct {
	Submission
	Status    Status
	Reason    Reason
	PaymentID string
	Version   int64
	PlacedAt  time.Time
	UpdatedAt time.Time

	Reserved   bool
	Authorised bool
	// WasConfirmed stays true when a confirmed order is cancelled.
	WasConfirmed bool
	// Cancelling: the cancellation is decided, and what was done for the order is being undone.
	Cancelling bool
}

// Final tells that nothing is owed for the order any more: confirmed for good, or undone completely.
func (o Order) Final() bool {
	return o.Status == StatusCancelled || o.Status == StatusConfirmed && !o.Cancelling
}

// ID derives an order's id, so that the same request sent twice meets itself (DESIGN R3).
func ID(customerID, idempotencyKey string) string {
	return uuid.NewSHA1(uuid.NameSpaceOID, []byte("order/"+customerID+"/"+idempotencyKey)).String()
}

// Stream is an order's events in order.
type Stream []Event

// Fold makes the state of the stream's events.
func (s Stream) Fold() (Order, error) {
	var o Order
	for _, e := range s {
		if err := o.evolve(e); err != nil {
			return o, err
		}
	}
	return o, nil
}

func (o *Order) evolve(e Event) (err error) {
	if e.Version != o.Version+1 {
		return fmt.Errorf("order: event %d %s follows version %d", e.Version, e.Type, o.Version)
	}
	if (e.Type == Submitted) != (o.Version == 0) {
		return fmt.Errorf("order: %s at version %d", e.Type, e.Version)
	}
	o.Version, o.UpdatedAt = e.Version, e.At
	switch e.Type {
	case Submitted:
		o.Submission, err = decode[Submission](e)
		o.Status, o.PlacedAt = StatusSubmitted, e.At
	case StockReserved:
		o.Reserved = true
	case PaymentPending, PaymentAuthorised:
		var data paymentData
		data, err = decode[paymentData](e)
		o.PaymentID = data.PaymentID
		if o.Authorised = e.Type == PaymentAuthorised; !o.Authorised {
			o.Status = StatusAwaitingPayment
		}
	case Confirmed:
		o.Status, o.WasConfirmed = StatusConfirmed, true
	case CancellationRequested:
		var data reasonData
		data, err = decode[reasonData](e)
		o.Cancelling, o.Reason = true, data.Reason
	case Cancelled:
		o.Status, o.Cancelling = StatusCancelled, false
	default:
		return fmt.Errorf("order: unknown event %s", e.Type)
	}
	return err
}
