// Package saga drives orders to a state in which nothing is owed: confirmed completely, or
// undone completely. It is driven by messages that name an order and nothing more; what is
// to be done follows from the order's stream, so it does not matter which message it was,
// how often it came, or how far an earlier try got.
package saga

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/sidecart/sidecart/services/internal/event"
	"github.com/sidecart/sidecart/services/internal/money"
	"github.com/sidecart/sidecart/services/internal/state"
	"github.com/sidecart/sidecart/services/order/internal/order"
	"github.com/sidecart/sidecart/services/order/internal/store"
)

// ErrUnknown says that the outcome of a step is not known; the order is to be driven again.
var ErrUnknown = errors.New("saga: outcome unknown")

// Outcome of a step, or of its undo, for one order.
type Outcome int

// The outcomes. The zero value is the safe one: ask again.
const (
	Unknown Outcome = iota
	Done
	Refused
	// Pending: decided later; a message will come then.
	Pending
)

// Result is the outcome for one order, with the payment's id where there is one.
type Result struct {
	Outcome   Outcome
	PaymentID string
}

// Participant takes part in the saga with one step and its undo. Both take many orders in
// one call, are idempotent by order id, and answer no error: an order without a result is Unknown.
// Undo succeeds for what was never done, too, and keeps a Do that comes later from having an effect.
type Participant interface {
	Do(ctx context.Context, orders []order.Order) map[string]Result
	Undo(ctx context.Context, orders []order.Order) map[string]Result
}

// Saga is the checkout. Safe for concurrent use, also by several processes.
type Saga struct {
	Streams   *store.Streams
	Stock     Participant
	Payment   Participant
	Publish   func(ctx context.Context, topic string, events ...event.Event) error
	Catalogue *store.Catalogue
	Now       func() time.Time
	// Driven is told of each order that came to rest; may be nil.
	Driven func(o order.Order)
}

// maxRounds bounds how often one call meets an order that changed under it.
const maxRounds = 20

// Drive brings orders as far as they get, and publishes what became of them. For each id it answers
// nil when the order is at rest (final, or waiting for its payment to be decided) and that is
// published; event.ErrPoison for an order that does not exist or cannot be read; any other error: drive it again.
func (s *Saga) Drive(ctx context.Context, ids []string) []error {
	outcomes := map[string]error{}
	open := slices.Compact(slices.Sorted(slices.Values(ids)))
	for round := 0; len(open) > 0; round++ {
		if round == maxRounds {
			set(outcomes, open, fmt.Errorf("%w: contended", ErrUnknown))
			break
		}
		loaded, err := s.Streams.Load(ctx, open...)
		if err != nil {
			set(outcomes, open, err)
			break
		}
		open = s.round(ctx, loaded, outcomes)
	}
	errs := make([]error, len(ids))
	for i, id := range ids {
		errs[i] = outcomes[id]
	}
	return errs
}

// round takes every order one stretch of its way: forward, until it is confirmed or its
// cancellation is decided; or, when the decision is on record, back. It saves and announces
// and answers the ids that need another round.
func (s *Saga) round(ctx context.Context, loaded []*store.Loaded, outcomes map[string]error) (again []string) {
	var forward, back, rest []*store.Loaded
	for _, l := range loaded {
		switch {
		case l.Broken != nil:
			outcomes[l.ID] = event.Poison("stream of order %s: %w", l.ID, l.Broken)
		case !l.Exists():
			outcomes[l.ID] = event.Poison("no order %s", l.ID)
		case l.Order.Cancelling:
			back = append(back, l)
		case l.Order.Final():
			rest = append(rest, l)
		default:
			forward = append(forward, l)
		}
	}
	waiting := s.forward(ctx, forward)
	s.back(ctx, back)

	moved := slices.Concat(forward, back)
	changed := slices.DeleteFunc(slices.Clone(moved), func(l *store.Loaded) bool { return !l.Changed() || l.Broken != nil })
	failed := map[string]error{}
	for i, err := range s.Streams.Save(ctx, changed) {
		failed[changed[i].ID] = err
	}
	for _, l := range moved {
		switch err := failed[l.ID]; {
		case l.Broken != nil:
			outcomes[l.ID] = event.Poison("order %s: %w", l.ID, l.Broken)
		case errors.Is(err, state.ErrConflict):
			again = append(again, l.ID)
		case err != nil:
			outcomes[l.ID] = err
		case l.Order.Cancelling && l.Changed():
			again = append(again, l.ID)
		case l.Order.Final() || waiting[l.ID]:
			rest = append(rest, l)
		default:
			outcomes[l.ID] = ErrUnknown
		}
	}
	s.announce(ctx, rest, outcomes)
	return again
}

// forward is the checkout: reserve the stock, authorise the payment, confirm. Each step's
// undo stands in back. An order whose step has no known outcome stops where it is; those
// whose payment the provider has not decided yet are answered.
func (s *Saga) forward(ctx context.Context, orders []*store.Loaded) (waiting map[string]bool) {
	waiting = map[string]bool{}
	now := s.Now()
	for _, l := range orders {
		if l.Overdue(now) {
			l.Check(l.RequestCancellation(order.Expired, now))
		}
	}
	s.checkPrices(ctx, pick(orders, func(o order.Order) bool { return !o.Cancelling && !o.Reserved }))

	toReserve := pick(orders, func(o order.Order) bool { return !o.Cancelling && !o.Reserved })
	each(toReserve, s.Stock.Do, ctx, func(l *store.Loaded, r Result) {
		switch now := s.Now(); r.Outcome {
		case Done:
			l.Check(l.Reserve(now))
		case Refused:
			l.Check(l.RequestCancellation(order.OutOfStock, now))
		}
	})
	toAuthorise := pick(orders, func(o order.Order) bool { return !o.Cancelling && o.Reserved && !o.Authorised })
	each(toAuthorise, s.Payment.Do, ctx, func(l *store.Loaded, r Result) {
		switch now := s.Now(); r.Outcome {
		case Done:
			l.Check(l.Authorise(r.PaymentID, now))
		case Pending:
			l.Check(l.AwaitPayment(r.PaymentID, now))
			waiting[l.ID] = true
		case Refused:
			l.Check(l.RequestCancellation(order.PaymentDeclined, now))
		}
	})
	toConfirm := pick(orders, func(o order.Order) bool { return !o.Cancelling && o.Authorised })
	for _, l := range toConfirm {
		if now := s.Now(); l.Overdue(now) {
			l.Check(l.RequestCancellation(order.Expired, now))
		} else {
			l.Check(l.Confirm(now))
		}
	}
	return waiting
}

// back undoes the steps, the last one first, whether or not they are known to have been done:
// an answer may have been lost, and each undo keeps a late step from having an effect. The
// cancellation is on record by now, so nobody can confirm the order any more.
func (s *Saga) back(ctx context.Context, orders []*store.Loaded) {
	var refunded, undone []*store.Loaded
	each(orders, s.Payment.Undo, ctx, func(l *store.Loaded, r Result) {
		if r.Outcome == Done {
			refunded = append(refunded, l)
		}
	})
	each(refunded, s.Stock.Undo, ctx, func(l *store.Loaded, r Result) {
		if r.Outcome == Done {
			undone = append(undone, l)
		}
	})
	for _, l := range undone {
		l.Check(l.Cancel(s.Now()))
	}
}

// checkPrices cancels orders whose customer saw another price than the catalogue's now.
// When the catalogue cannot be read, the price that was accepted stands.
func (s *Saga) checkPrices(ctx context.Context, orders []*store.Loaded) {
	var ids []string
	for _, l := range orders {
		for _, line := range l.Order.Lines {
			ids = append(ids, line.ProductID)
		}
	}
	slices.Sort(ids)
	products, err := s.Catalogue.Known(ctx, slices.Compact(ids))
	if err != nil {
		return
	}
	for _, l := range orders {
		if slices.ContainsFunc(l.Order.Lines, func(line order.Line) bool {
			product, known := products[line.ProductID]
			return known && product.Price != (money.Money{}) && product.Price != line.UnitPrice
		}) {
			l.Check(l.RequestCancellation(order.PriceChanged, s.Now()))
		}
	}
}

// announce publishes all that the others were ever to be told of the orders. After a crash
// between the save and here, the message that drove the order comes again and ends here.
func (s *Saga) announce(ctx context.Context, orders []*store.Loaded, outcomes map[string]error) {
	var events []event.Event
	for _, l := range orders {
		told, err := l.Stream.Announcements()
		for _, a := range told {
			e, encodeErr := event.New("order", a.Type, l.ID, a.Version, a.UpdatedAt, a.Snapshot)
			events, err = append(events, e), errors.Join(err, encodeErr)
		}
		if err != nil {
			outcomes[l.ID] = event.Poison("announce order %s: %w", l.ID, err)
		}
	}
	err := s.Publish(ctx, "orders", events...)
	for _, l := range orders {
		if err != nil {
			outcomes[l.ID] = err
		} else if s.Driven != nil {
			s.Driven(l.Order)
		}
	}
}
