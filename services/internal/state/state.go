// Package state is the one way in which services keep documents: one aggregate, one
// document, one key, always written first-write with the ETag that was read.
//
// It promises no more than every Dapr state store keeps (a single-key write with an
// ETag); nothing in it is atomic over two keys.
package state

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// Errors that every Store returns, possibly wrapped.
var (
	// ErrConflict: the document changed since it was read, or exists already. Read again and decide anew.
	ErrConflict = errors.New("state: conflict")
	// ErrUnavailable: the store did not answer or refused; whether a write took place is unknown.
	ErrUnavailable = errors.New("state: unavailable")
)

// Item is a document as read, or as it is to be written.
type Item struct {
	Key string
	// Value is nil when there is no such document.
	Value []byte
	// ETag of the document as read; empty means that the write must create it.
	ETag string
	// TTL in whole seconds after which the store may drop the document; 0 keeps it.
	TTL time.Duration
}

// Exists tells whether the document was there when it was read.
func (i Item) Exists() bool { return i.Value != nil }

// Store keeps documents. Every method returns ErrUnavailable when the store fails;
// a write that fails with it may have taken place all the same.
type Store interface {
	// Get reads one document; an absent one is an Item without a Value, not an error.
	Get(ctx context.Context, key string) (Item, error)
	// GetMany reads documents in the order of keys; not a snapshot.
	GetMany(ctx context.Context, keys []string) ([]Item, error)
	// Save writes one document if its ETag still holds, else ErrConflict.
	Save(ctx context.Context, item Item) error
	// SaveMany writes each document on its own, like Save, and answers an error (or nil)
	// for each. Keys must differ.
	SaveMany(ctx context.Context, items []Item) []error
	// Delete removes the document if its ETag still holds, else ErrConflict.
	Delete(ctx context.Context, item Item) error
}

// attempts bounds how often a contended write is tried before the caller is told.
const attempts = 60

// Update reads the document under key into a new T, lets change alter it and writes it
// back; when another writer came between, it starts again from the read. change answers
// whether there is anything to write. It must have no effect but on doc, as it can run many times.
//
// It returns the document as it was written (or read, when nothing was to be written).
// Errors: change's own; ErrConflict when contention did not end; ErrUnavailable.
func Update[T any](ctx context.Context, s Store, key string, change func(doc *T, exists bool) (bool, error)) (T, error) {
	return UpdateTTL(ctx, s, key, 0, change)
}

// UpdateTTL is Update for documents that the store may drop ttl after their last write.
func UpdateTTL[T any](ctx context.Context, s Store, key string, ttl time.Duration, change func(doc *T, exists bool) (bool, error)) (T, error) {
	for try := range attempts {
		item, err := s.Get(ctx, key)
		if err != nil {
			return *new(T), err
		}
		doc, err := Decode[T](item)
		if err != nil {
			return doc, err
		}
		write, err := change(&doc, item.Exists())
		if err != nil || !write {
			return doc, err
		}
		if item.Value, err = json.Marshal(doc); err != nil {
			return doc, fmt.Errorf("state: encode %s: %w", key, err)
		}
		item.TTL = ttl
		if err = s.Save(ctx, item); !errors.Is(err, ErrConflict) {
			return doc, err
		}
		if err := Backoff(ctx, try); err != nil {
			return doc, err
		}
	}
	return *new(T), fmt.Errorf("%w: %s is contended", ErrConflict, key)
}

// Read decodes the document under key and tells whether it exists.
func Read[T any](ctx context.Context, s Store, key string) (T, bool, error) {
	item, err := s.Get(ctx, key)
	if err != nil {
		return *new(T), false, err
	}
	doc, err := Decode[T](item)
	return doc, item.Exists(), err
}

// Decode reads an item's value; an absent document is the zero T.
func Decode[T any](item Item) (T, error) {
	var doc T
	if item.Exists() {
		if err := json.Unmarshal(item.Value, &doc); err != nil {
			return doc, fmt.Errorf("state: decode %s: %w", item.Key, err)
		}
	}
	return doc, nil
}

// Backoff waits before another try of a contended write: up to 4 ms at first, up to
// 100 ms later, at random so that writers do not meet again.
func Backoff(ctx context.Context, try int) error {
	timer := time.NewTimer(rand.N(min(4*time.Millisecond<<min(try, 5), 100*time.Millisecond)))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", ErrUnavailable, ctx.Err())
	}
}
