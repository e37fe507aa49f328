// Package store keeps the catalogue's documents: one per product, which is its own outbox,
// and one per product for what the inventory says of it.
package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/sidecart/sidecart/services/internal/event"
	"github.com/sidecart/sidecart/services/internal/journal"
	"github.com/sidecart/sidecart/services/internal/state"
	"github.com/sidecart/sidecart/services/product/internal/catalogue"
)

// Errors of this package, beside catalogue.Invalid and those of state.
var (
	ErrUnknown = errors.New("store: no such product")
	// ErrKeyReused: a product was created with the same idempotency key and another body.
	ErrKeyReused = errors.New("store: idempotency key reused")
)

// Publisher is the broker. After an error any of the events may have arrived.
type Publisher interface {
	Publish(ctx context.Context, topic string, events ...event.Event) error
}

// Products are the products in the state store. Safe for concurrent use, also by several replicas.
type Products struct {
	store  state.Store
	list   *journal.Journal
	broker Publisher
	now    func() time.Time
}

// New opens the products that lie in store; now is the time of an event.
func New(store state.Store, broker Publisher, now func() time.Time) *Products {
	return &Products{store: store, list: journal.New(store, "products"), broker: broker, now: now}
}

// document is a product with the events of it that the broker may not have yet: they are
// written in the same write as the change, so neither can be without the other (DESIGN R2).
type document struct {
	catalogue.Product
	// Request is the digest of what the product was created with, to recognise the same request.
	Request string        `json:"request"`
	Outbox  []event.Event `json:"outbox,omitempty"`
}

// maxOutbox bounds a document while the broker is away; more changes wait for it.
const maxOutbox = 50

func key(id string) string { return "product-" + id }

// Create writes a new product. key is the request's idempotency key, or empty: with a key
// the id follows from it, and what is there already is answered, with created false.
// Errors: *catalogue.Invalid, ErrKeyReused, state.ErrUnavailable.
func (p *Products) Create(ctx context.Context, idempotencyKey string, draft catalogue.Draft) (product catalogue.Product, created bool, err error) {
	id, err := newID(idempotencyKey)
	if err != nil {
		return product, false, err
	}
	if product, err = catalogue.Create(id, draft); err != nil {
		return product, false, err
	}
	request, err := digest(draft.Normal())
	if err != nil {
		return product, false, err
	}
	if err := p.enlist(ctx, id, idempotencyKey != ""); err != nil {
		return product, false, err
	}
	doc, err := state.Update(ctx, p.store, key(id), func(doc *document, exists bool) (bool, error) {
		if created = !exists; exists {
			if doc.Request != request {
				return false, ErrKeyReused
			}
			return false, nil
		}
		*doc = document{Product: product, Request: request}
		return true, doc.announce(catalogue.Created, p.now())
	})
	if err != nil {
		return product, false, err
	}
	p.publishOrLeave(ctx, doc)
	return doc.Product, created, nil
}

// enlist puts the id into the journal before there is a document; a request that is repeated
// must not make the journal grow.
func (p *Products) enlist(ctx context.Context, id string, repeatable bool) error {
	if repeatable {
		if _, known, err := state.Read[document](ctx, p.store, key(id)); err != nil || known {
			return err
		}
	}
	return p.list.Append(ctx, id)
}

func newID(idempotencyKey string) (string, error) {
	if idempotencyKey != "" {
		return uuid.NewSHA1(uuid.NameSpaceURL, []byte("/products/"+idempotencyKey)).String(), nil
	}
	id, err := uuid.NewV7()
	return id.String(), err
}

func digest(draft catalogue.Draft) (string, error) {
	raw, err := json.Marshal(draft)
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:]), err
}

// Change writes the next version of a product; when nothing is different it answers the present one.
// Errors: *catalogue.Invalid, ErrUnknown, state.ErrUnavailable.
func (p *Products) Change(ctx context.Context, id string, change catalogue.Change) (catalogue.Product, error) {
	doc, err := state.Update(ctx, p.store, key(id), func(doc *document, exists bool) (bool, error) {
		if !exists {
			return false, ErrUnknown
		}
		next, kind, err := doc.Apply(change)
		if err != nil || kind == "" {
			return false, err
		}
		if len(doc.Outbox) >= maxOutbox {
			return false, fmt.Errorf("%w: %d changes of %s wait for the broker", state.ErrUnavailable, maxOutbox, id)
		}
		doc.Product = next
		return true, doc.announce(kind, p.now())
	})
	if err != nil {
		return catalogue.Product{}, err
	}
	p.publishOrLeave(ctx, doc)
	return doc.Product, nil
}

// Get reads a product and its availability. Errors: ErrUnknown, state.ErrUnavailable.
func (p *Products) Get(ctx context.Context, id string) (catalogue.Product, Availability, error) {
	items, err := p.store.GetMany(ctx, []string{key(id), availabilityKey(id)})
	if err != nil {
		return catalogue.Product{}, Availability{}, err
	}
	doc, err := state.Decode[document](items[0])
	if err == nil && !items[0].Exists() {
		err = ErrUnknown
	}
	if err != nil {
		return catalogue.Product{}, Availability{}, err
	}
	availability, err := state.Decode[Availability](items[1])
	return doc.Product, availability, err
}
