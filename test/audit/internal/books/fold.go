package books

import (
	"encoding/json"
	"fmt"
)

// Fold is what a stream amounts to, made from its events alone and by other code than the order service's.
type Fold struct {
	Snapshot
	WasConfirmed bool
	// cancelling: the undoing is decided, but not complete.
	cancelling           bool
	requested            string
	reserved, authorised bool
}

// Final tells that nothing is owed for the order.
func (f Fold) Final() bool {
	return !f.cancelling && (f.Status == "confirmed" || f.Status == "cancelled")
}

// Binding tells that the order is confirmed for good: it is sold and paid.
func (f Fold) Binding() bool { return f.Status == "confirmed" && !f.cancelling }

// undone tells that the order was confirmed and then undone.
func (f Fold) undone() bool { return f.WasConfirmed && f.Status == "cancelled" }

// fold replays a stream. The total is added up from the lines, not taken from the event.
//
// What was ordered is the data of the first event. A service that keeps that to itself, for the
// address in it, tells it in the order instead.
func fold(o Order) (Fold, error) {
	f := Fold{Snapshot: Snapshot{ID: o.OrderID, CustomerID: o.Order.CustomerID, Lines: o.Order.Lines, Total: o.Order.Total}}
	for i, e := range o.Events {
		if e.Version != int64(i)+1 {
			return f, fmt.Errorf("event %d has version %d", i+1, e.Version)
		}
		if (e.Type == "order.submitted") != (i == 0) {
			return f, fmt.Errorf("%s at version %d", e.Type, e.Version)
		}
		if f.Status == "cancelled" {
			return f, fmt.Errorf("%s after the order was cancelled", e.Type)
		}
		if err := f.apply(e); err != nil {
			return f, err
		}
		f.Version = e.Version
	}
	if f.Version == 0 {
		return f, fmt.Errorf("no events")
	}
	return f, nil
}

func (f *Fold) apply(e Event) error {
	switch e.Type {
	case "order.submitted":
		if len(e.Data) > 0 {
			f.Snapshot = Snapshot{}
			if err := json.Unmarshal(e.Data, &f.Snapshot); err != nil {
				return fmt.Errorf("data of %s: %w", e.Type, err)
			}
		}
		f.Status = "submitted"
		return f.addUp()
	case "order.stock_reserved":
		f.reserved = true
	case "order.payment_authorised":
		f.authorised = true
	case "order.payment_pending":
		f.Status = "awaiting_payment"
	case "order.confirmed":
		if f.WasConfirmed || f.cancelling || !f.reserved || !f.authorised {
			return fmt.Errorf("%s twice, while being cancelled, or without stock and payment", e.Type)
		}
		f.Status, f.WasConfirmed = "confirmed", true
	case "order.cancellation_requested":
		var data struct{ Reason string }
		if err := json.Unmarshal(e.Data, &data); err != nil {
			return fmt.Errorf("data of %s: %w", e.Type, err)
		}
		f.cancelling, f.requested = true, data.Reason
	case "order.cancelled":
		if !f.cancelling {
			return fmt.Errorf("%s before that was decided", e.Type)
		}
		f.Status, f.Reason, f.cancelling = "cancelled", f.requested, false
	default:
		return fmt.Errorf("unknown event %s", e.Type)
	}
	return nil
}

func (f *Fold) addUp() error {
	var total Money
	if len(f.Lines) == 0 || f.CustomerID == "" {
		return fmt.Errorf("nothing ordered, or by nobody")
	}
	for _, line := range f.Lines {
		if line.Quantity < 1 || line.UnitPrice.Amount < 0 || total.Currency != "" && total.Currency != line.UnitPrice.Currency {
			return fmt.Errorf("line %s: %d at %s", line.ProductID, line.Quantity, line.UnitPrice)
		}
		total.Currency = line.UnitPrice.Currency
		total.Amount += line.Quantity * line.UnitPrice.Amount
	}
	if f.Total != total {
		return fmt.Errorf("the lines amount to %s, not %s", total, f.Total)
	}
	return nil
}
