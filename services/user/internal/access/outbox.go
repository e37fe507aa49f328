package access

import (
	"context"
	"slices"
	"time"

	"github.com/sidecart/sidecart/services/internal/event"
	"github.com/sidecart/sidecart/services/internal/state"
)

// publish sends what an account's document has to tell, then clears it. Dying in between has
// the same event, with the same id, sent again.
func (a *Accounts) publish(ctx context.Context, doc document) error {
	if len(doc.Outbox) == 0 {
		return nil
	}
	if err := a.events.Publish(ctx, "users", doc.Outbox...); err != nil {
		return err
	}
	_, err := state.Update(ctx, a.store, userKey(doc.ID), func(now *document, exists bool) (bool, error) {
		before := len(now.Outbox)
		now.Outbox = slices.DeleteFunc(now.Outbox, func(e event.Event) bool {
			return slices.ContainsFunc(doc.Outbox, func(sent event.Event) bool { return sent.ID == e.ID })
		})
		return exists && len(now.Outbox) < before, nil
	})
	return err
}

// sweptKey holds the number of journal pages, from the first, that will never again name an
// account with something to publish.
const sweptKey = "users-swept"

// Sweep publishes what registrations left behind that died before they could. It costs as
// much as there are accounts since the last full page, not as there are accounts.
func (a *Accounts) Sweep(ctx context.Context, now time.Time) error {
	swept, _, err := state.Read[int64](ctx, a.store, sweptKey)
	if err != nil {
		return err
	}
	for n, settled := swept+1, true; ; n++ {
		page, err := a.list.Read(ctx, n)
		if err != nil {
			return err
		}
		if err := a.sweep(ctx, page.IDs); err != nil {
			return err
		}
		if !page.Full() {
			return nil
		}
		// An id is listed before its account is written: a young page's may be about to be.
		if settled = settled && now.Sub(page.Updated) > 2*registering; !settled {
			continue
		}
		_, err = state.Update(ctx, a.store, sweptKey, func(swept *int64, _ bool) (bool, error) {
			write := *swept < n
			*swept = max(*swept, n)
			return write, nil
		})
		if err != nil {
			return err
		}
	}
}

func (a *Accounts) sweep(ctx context.Context, ids []string) error {
	docs, err := state.ReadMany[document](ctx, a.store, slices.Compact(slices.Sorted(slices.Values(ids))), userKey)
	if err != nil {
		return err
	}
	for _, doc := range docs {
		if err := a.publish(ctx, doc); err != nil {
			return err
		}
	}
	return nil
}
