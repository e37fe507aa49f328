// Package intake accepts orders: it makes them durable and puts them into the checkout queue, many at a time.
package intake

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sidecart/sidecart/services/internal/batch"
	"github.com/sidecart/sidecart/services/internal/event"
	"github.com/sidecart/sidecart/services/internal/state"
	"github.com/sidecart/sidecart/services/order/internal/order"
	"github.com/sidecart/sidecart/services/order/internal/store"
)

// Queue is the topic of the order service's own work.
const Queue = "checkout"

// Publish sends events to a topic.
type Publish func(ctx context.Context, topic string, events ...event.Event) error

// Intake accepts orders. Safe for concurrent use; orders that arrive together share their writes.
type Intake struct {
	streams *store.Streams
	publish Publish
	group   batch.Group[*store.Loaded]
}

// New makes an intake.
func New(streams *store.Streams, publish Publish) *Intake {
	in := &Intake{streams: streams, publish: publish}
	in.group = batch.Group[*store.Loaded]{Run: in.accept}
	return in
}

// Accept returns when order.submitted is durable in the broker: the order is accepted and will become final.
// An order that exists already is only put into the queue again. Errors: state.ErrConflict when an order
// was created under that id meanwhile; state.ErrUnavailable, after which the order may have been
// accepted all the same: the same request, sent again, meets it.
func (in *Intake) Accept(ctx context.Context, l *store.Loaded) error { return in.group.Do(ctx, l) }

// accept writes in this order: the journal, so that the sweep can find whatever follows; the stream; the message.
func (in *Intake) accept(ctx context.Context, orders []*store.Loaded) []error {
	errs := make([]error, len(orders))
	var fresh []*store.Loaded
	var freshAt []int
	var ids []string
	for i, l := range orders {
		if !l.Exists() {
			fresh, freshAt, ids = append(fresh, l), append(freshAt, i), append(ids, l.ID)
		}
	}
	if len(fresh) > 0 {
		if err := in.streams.Journal.Append(ctx, ids...); err != nil {
			return fill(errs, err)
		}
		for n, err := range in.create(ctx, fresh) {
			errs[freshAt[n]] = err
		}
	}
	var events []event.Event
	for i, l := range orders {
		if errs[i] == nil {
			e, err := submitted(l)
			events, errs[i] = append(events, e), err
		}
	}
	if err := in.publish(ctx, Queue, events...); err != nil {
		fill(errs, err)
	}
	return errs
}

// create writes the streams; of two in one batch under the same id, the second finds the first.
func (in *Intake) create(ctx context.Context, fresh []*store.Loaded) []error {
	errs := make([]error, len(fresh))
	var first []*store.Loaded
	var at []int
	seen := map[string]bool{}
	for i, l := range fresh {
		if seen[l.ID] {
			errs[i] = fmt.Errorf("%w: order %s", state.ErrConflict, l.ID)
			continue
		}
		seen[l.ID] = true
		first, at = append(first, l), append(at, i)
	}
	for n, err := range in.streams.Save(ctx, first) {
		errs[at[n]] = err
	}
	return errs
}

func submitted(l *store.Loaded) (event.Event, error) {
	o, err := l.Stream[:1].Fold()
	if err != nil {
		return event.Event{}, err
	}
	return event.New("order", order.SubmittedV1, l.ID, o.Version, o.PlacedAt, o.Snapshot())
}

// Resume puts orders into the queue again, for whoever handles it next to go on with them.
func (in *Intake) Resume(ctx context.Context, now time.Time, ids ...string) error {
	events := make([]event.Event, len(ids))
	for i, id := range ids {
		// Each resumption is an event of its own: a broker that drops repeated ids must not drop it.
		e, err := event.New("order", order.ResumedV1, id, now.UnixNano(), now, map[string]string{"orderId": id})
		if err != nil {
			return err
		}
		events[i] = e
	}
	return in.publish(ctx, Queue, events...)
}

func fill(errs []error, err error) []error {
	for i := range errs {
		errs[i] = errors.Join(errs[i], err)
	}
	return errs
}
