package order

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// ErrNotNow says that a decision does not fit the order's state; nothing was appended.
var ErrNotNow = errors.New("order: not possible in this state")

// Submit starts a stream.
func Submit(s Submission, now time.Time) (Stream, error) {
	return append1(nil, 0, Submitted, s, now)
}

// Deciding is an order on which decisions are taken: its stream, and the stream's fold kept up to date.
type Deciding struct {
	Stream Stream
	Order  Order
}

// Decide folds a stream for decisions.
func Decide(s Stream) (Deciding, error) {
	o, err := s.Fold()
	return Deciding{Stream: s, Order: o}, err
}

// Reserve records that inventory holds the stock.
func (d *Deciding) Reserve(now time.Time) error {
	if !d.open() || d.Order.Reserved {
		return ErrNotNow
	}
	return d.append(StockReserved, nil, now)
}

// AwaitPayment records that the provider has not decided yet; a second time it changes nothing.
func (d *Deciding) AwaitPayment(paymentID string, now time.Time) error {
	if !d.open() || !d.Order.Reserved || d.Order.Authorised {
		return ErrNotNow
	}
	if d.Order.Status == StatusAwaitingPayment {
		return nil
	}
	return d.append(PaymentPending, paymentData{paymentID}, now)
}

// Authorise records that the payment is authorised.
func (d *Deciding) Authorise(paymentID string, now time.Time) error {
	if !d.open() || !d.Order.Reserved || d.Order.Authorised {
		return ErrNotNow
	}
	return d.append(PaymentAuthorised, paymentData{paymentID}, now)
}

// Confirm makes the order binding. After the deadline it is not possible any more.
func (d *Deciding) Confirm(now time.Time) error {
	if !d.open() || !d.Order.Reserved || !d.Order.Authorised || d.Overdue(now) {
		return ErrNotNow
	}
	return d.append(Confirmed, nil, now)
}

// RequestCancellation decides that the order is to be undone. The first reason stays; a
// confirmed order only its customer can cancel. Nothing may be undone before this is durable:
// until then another process may be confirming the order.
func (d *Deciding) RequestCancellation(reason Reason, now time.Time) error {
	switch o := d.Order; {
	case o.Cancelling || o.Status == StatusCancelled:
		return nil
	case o.WasConfirmed && reason != ByCustomer:
		return ErrNotNow
	}
	return d.append(CancellationRequested, reasonData{reason}, now)
}

// Cancel records that everything done for the order is undone.
func (d *Deciding) Cancel(now time.Time) error {
	if !d.Order.Cancelling {
		return ErrNotNow
	}
	return d.append(Cancelled, reasonData{d.Order.Reason}, now)
}

// Overdue tells that the deadline of an order that is not confirmed has passed.
func (d *Deciding) Overdue(now time.Time) bool {
	return !d.Order.WasConfirmed && now.After(d.Order.Deadline)
}

// open: on its way to confirmation.
func (d *Deciding) open() bool {
	o := d.Order
	return o.Version > 0 && !o.Cancelling && o.Status != StatusCancelled && o.Status != StatusConfirmed
}

func (d *Deciding) append(kind string, data any, now time.Time) error {
	stream, err := append1(d.Stream, d.Order.Version, kind, data, now)
	if err != nil {
		return err
	}
	d.Stream = stream
	return d.Order.evolve(stream[len(stream)-1])
}

func append1(s Stream, version int64, kind string, data any, now time.Time) (Stream, error) {
	e := Event{Type: kind, Version: version + 1, At: now.UTC()}
	if data != nil {
		raw, err := json.Marshal(data)
		if err != nil {
			return nil, fmt.Errorf("order: %s: %w", kind, err)
		}
		e.Data = raw
	}
	// A full slice expression: two decisions on copies of one stream must not share memory.
	return append(s[:len(s):len(s)], e), nil
}
