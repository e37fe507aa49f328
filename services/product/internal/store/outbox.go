package store

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/sidecart/sidecart/services/internal/event"
	"github.com/sidecart/sidecart/services/internal/state"
	"github.com/sidecart/sidecart/services/product/internal/catalogue"
)

func (d *document) announce(kind string, at time.Time) error {
	e, err := event.New("product", kind, d.ID, d.Version, at, d.Snapshot())
	d.Outbox = append(d.Outbox, e)
	return err
}

// publishOrLeave tells the broker at once if it can. The change is made either way; what the
// broker did not take lies in the document until a sweep finds it. A caller that has gone
// away does not stop it.
func (p *Products) publishOrLeave(ctx context.Context, doc document) {
	if err := p.publish(context.WithoutCancel(ctx), doc); err != nil {
		slog.WarnContext(ctx, "event is left to the sweep", "product", doc.ID, "version", doc.Version, "error", err)
	}
}

// publish sends the document's events and then clears them; run twice it sends the same ids again.
func (p *Products) publish(ctx context.Context, doc document) error {
	if len(doc.Outbox) == 0 {
		return nil
	}
	if err := p.broker.Publish(ctx, catalogue.Topic, doc.Outbox...); err != nil {
		return err
	}
	_, err := state.Update(ctx, p.store, key(doc.ID), func(now *document, _ bool) (bool, error) {
		before := len(now.Outbox)
		now.Outbox = slices.DeleteFunc(now.Outbox, func(e event.Event) bool {
			return slices.ContainsFunc(doc.Outbox, func(sent event.Event) bool { return sent.ID == e.ID })
		})
		return len(now.Outbox) < before, nil
	})
	return err
}

// Sweep reads every product, shows them to seen in parts, and publishes the events that have
// lain since before the given time. The errors of publishing are answered when all is read.
func (p *Products) Sweep(ctx context.Context, before time.Time, seen func([]catalogue.Product) error) error {
	var unsent error
	err := p.list.All(ctx, func(ids []string) error {
		docs, err := p.read(ctx, ids)
		if err != nil {
			return err
		}
		products := make([]catalogue.Product, len(docs))
		for i, doc := range docs {
			products[i] = doc.Product
			if len(doc.Outbox) > 0 && doc.Outbox[0].Time.Before(before) {
				unsent = errors.Join(unsent, p.publish(ctx, doc))
			}
		}
		return seen(products)
	})
	return errors.Join(err, unsent)
}

// read answers the documents of these ids that exist. One that cannot be read is passed over,
// loudly: it must not take the whole catalogue with it.
func (p *Products) read(ctx context.Context, ids []string) ([]document, error) {
	ids = slices.Compact(slices.Sorted(slices.Values(ids)))
	keys := make([]string, len(ids))
	for i, id := range ids {
		keys[i] = key(id)
	}
	items, err := p.store.GetMany(ctx, keys)
	if err != nil {
		return nil, err
	}
	docs := make([]document, 0, len(items))
	for _, item := range items {
		doc, err := state.Decode[document](item)
		if err != nil {
			slog.ErrorContext(ctx, "product document is unreadable", "key", item.Key, "error", err)
		} else if item.Exists() {
			docs = append(docs, doc)
		}
	}
	return docs, nil
}
