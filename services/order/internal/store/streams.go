// Package store keeps the order service's documents: the streams, the list of them, and its own copy of the catalogue.
package store

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/sidecart/sidecart/services/internal/journal"
	"github.com/sidecart/sidecart/services/internal/state"
	"github.com/sidecart/sidecart/services/order/internal/order"
)

// Streams keeps each order's stream as one document.
type Streams struct {
	store state.Store
	// Journal lists every order that was submitted, and again each time that a final order is to be worked on.
	Journal *journal.Journal
}

// NewStreams keeps the streams in the given store.
func NewStreams(store state.Store) *Streams {
	return &Streams{store, journal.New(store, "orders")}
}

// Loaded is an order as it was read, with what was decided since.
type Loaded struct {
	ID string
	order.Deciding
	etag    string
	version int64
	// Broken is why the stream cannot be read or went wrong, or nil. Such an order needs an operator.
	Broken error
}

// Exists tells whether there is such an order.
func (l *Loaded) Exists() bool { return l.etag != "" }

// Check notes a decision that the domain refused, which its caller should not have asked for.
func (l *Loaded) Check(err error) {
	if err != nil {
		l.Broken = err
	}
}

// Changed tells whether anything was decided since the order was read.
func (l *Loaded) Changed() bool { return l.Order.Version != l.version }

func key(id string) string { return "order-" + id }

// Load reads orders, in the order of ids. Errors: state.ErrUnavailable.
func (s *Streams) Load(ctx context.Context, ids ...string) ([]*Loaded, error) {
	keys := make([]string, len(ids))
	for i, id := range ids {
		keys[i] = key(id)
	}
	items, err := s.store.GetMany(ctx, keys)
	if err != nil {
		return nil, err
	}
	loaded := make([]*Loaded, len(ids))
	for i, item := range items {
		loaded[i] = load(ids[i], item)
	}
	return loaded, nil
}

func load(id string, item state.Item) *Loaded {
	l := &Loaded{ID: id, etag: item.ETag}
	stream, err := state.Decode[order.Stream](item)
	if err != nil {
		l.Broken = err
		return l
	}
	if l.Deciding, err = order.Decide(stream); err != nil {
		l.Broken = err
	}
	l.version = l.Order.Version
	return l
}

// Save writes what was decided; for each order nil, state.ErrConflict when it changed since it was read, or state.ErrUnavailable.
// To decide more on a saved order, load it again.
func (s *Streams) Save(ctx context.Context, orders []*Loaded) []error {
	items := make([]state.Item, len(orders))
	for i, l := range orders {
		value, err := json.Marshal(l.Stream)
		if err != nil {
			return all(len(orders), fmt.Errorf("store: encode %s: %w", l.ID, err))
		}
		items[i] = state.Item{Key: key(l.ID), Value: value, ETag: l.etag}
	}
	return s.store.SaveMany(ctx, items)
}

// New is a stream that is to be created: Save answers state.ErrConflict when there is one already.
func New(id string, stream order.Stream) (*Loaded, error) {
	deciding, err := order.Decide(stream)
	return &Loaded{ID: id, Deciding: deciding}, err
}

func all(n int, err error) []error {
	errs := make([]error, n)
	for i := range errs {
		errs[i] = err
	}
	return errs
}
