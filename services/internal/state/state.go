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
	// GetMany reads documents in the order of keys; not a snapshot. An absent one is an Item without a Value.
	GetMany(ctx context.Context, keys []string) ([]Item, error)
	// SaveMany writes each document on its own if its ETag still holds, and answers nil or an error for
	// each, ErrConflict if it does not. Keys must differ.
	SaveMany(ctx context.Context, items []Item) []error
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

// UpdateTTL is Update for documents that the store may drop ttl after their last write; 0 keeps them.
func UpdateTTL[T any](ctx context.Context, s Store, key string, ttl time.Duration, change func(doc *T, exists bool) (bool, error)) (T, error) {
	docs, errs := UpdateMany(ctx, s, []string{key}, ttl, func(_ int, doc *T, exists bool) (bool, error) { return change(doc, exists) })
	return docs[0], errs[0]
}

// UpdateMany is UpdateTTL for several documents, each on its own, in one bulk read and one bulk write as long as no
// other writer comes between. change is told the number of the key. Keys must differ.
func UpdateMany[T any](ctx context.Context, s Store, keys []string, ttl time.Duration, change func(i int, doc *T, exists bool) (bool, error)) ([]T, []error) {
	docs, errs, open := make([]T, len(keys)), make([]error, len(keys)), make([]int, len(keys))
	for i := range open {
		open[i] = i
	}
	for try := 0; len(open) > 0; try++ {
		wanted := make([]string, len(open))
		for n, i := range open {
			wanted[n] = keys[i]
		}
		items, err := s.GetMany(ctx, wanted)
		var writes []Item
		var writers []int
		for n, i := range open {
			if errs[i] = err; err != nil {
				continue
			}
			write := false
			if docs[i], errs[i] = Decode[T](items[n]); errs[i] == nil {
				write, errs[i] = change(i, &docs[i], items[n].Exists())
			}
			if errs[i] != nil || !write {
				continue
			}
			items[n].TTL = ttl
			if items[n].Value, errs[i] = json.Marshal(docs[i]); errs[i] == nil {
				writes, writers = append(writes, items[n]), append(writers, i)
			}
		}
		open = open[:0]
		for n, err := range s.SaveMany(ctx, writes) {
			if errs[writers[n]] = err; errors.Is(err, ErrConflict) {
				open = append(open, writers[n])
			}
		}
		if len(open) > 0 && (try+1 == attempts || Backoff(ctx, try) != nil) {
			break
		}
	}
	return docs, errs
}

// Read decodes the document under key and tells whether it exists.
func Read[T any](ctx context.Context, s Store, key string) (T, bool, error) {
	items, err := s.GetMany(ctx, []string{key})
	if err != nil {
		return *new(T), false, err
	}
	doc, err := Decode[T](items[0])
	return doc, items[0].Exists(), err
}

// ReadMany decodes the documents of ids, in their order; an absent one is the zero T. key is that of an id's document.
func ReadMany[T any](ctx context.Context, s Store, ids []string, key func(id string) string) ([]T, error) {
	keys := make([]string, len(ids))
	for i, id := range ids {
		keys[i] = key(id)
	}
	items, err := s.GetMany(ctx, keys)
	if err != nil {
		return nil, err
	}
	docs := make([]T, len(items))
	for i, item := range items {
		if docs[i], err = Decode[T](item); err != nil {
			return nil, err
		}
	}
	return docs, nil
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
	select {
	case <-time.After(rand.N(min(4*time.Millisecond<<min(try, 5), 100*time.Millisecond))):
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", ErrUnavailable, ctx.Err())
	}
}
