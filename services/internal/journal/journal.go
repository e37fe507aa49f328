// Package journal lists the keys of a service's documents, which Dapr's state API cannot:
// an append-only list in pages of bounded size, each page one document.
//
// An id is appended before its document is written, so that a document without its id
// cannot exist; an id without its document, or listed twice, can, and readers skip it.
package journal

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/sidecart/sidecart/services/internal/batch"
	"github.com/sidecart/sidecart/services/internal/state"
)

// perPage bounds a page: at 36 bytes an id, about 8 KB.
const perPage = 200

// Page is one page of a journal.
type Page struct {
	IDs []string `json:"ids"`
	// Updated is when the last id was appended.
	Updated time.Time `json:"updated"`
}

// Full tells that nothing will be appended to the page any more.
func (p Page) Full() bool { return len(p.IDs) >= perPage }

// Journal is one list. Safe for concurrent use, also by several processes.
type Journal struct {
	store state.Store
	name  string
	group batch.Group[[]string]
	// last is a page that exists, or 1: where to look for the end. Only a hint, kept in the document head too.
	last atomic.Int64
}

// New opens the journal of that name; nothing is read or written yet.
func New(store state.Store, name string) *Journal {
	j := &Journal{store: store, name: name}
	j.group = batch.Group[[]string]{Run: j.append, Most: perPage}
	return j
}

// Append adds ids and returns when they are durable; calls at the same time share one write.
// Errors: state.ErrUnavailable, after which the ids may be listed all the same.
func (j *Journal) Append(ctx context.Context, ids ...string) error { return j.group.Do(ctx, ids) }

// Read returns page n, the first being 1; a page that is not there yet is empty.
func (j *Journal) Read(ctx context.Context, n int64) (Page, error) {
	page, _, err := state.Read[Page](ctx, j.store, j.key(n))
	return page, err
}

// All calls do with every id, in the order of their appending.
func (j *Journal) All(ctx context.Context, do func(ids []string) error) error {
	for n := int64(1); ; n++ {
		page, err := j.Read(ctx, n)
		if err != nil {
			return err
		}
		if len(page.IDs) > 0 {
			if err := do(page.IDs); err != nil {
				return err
			}
		}
		if !page.Full() {
			return nil
		}
	}
}

func (j *Journal) key(n int64) string { return fmt.Sprintf("%s-page-%d", j.name, n) }
func (j *Journal) head() string       { return j.name + "-head" }

func (j *Journal) append(ctx context.Context, calls [][]string) []error {
	return slices.Repeat([]error{j.appendAll(ctx, slices.Concat(calls...))}, len(calls))
}

func (j *Journal) appendAll(ctx context.Context, ids []string) error {
	if j.last.Load() == 0 {
		head, _, err := state.Read[int64](ctx, j.store, j.head())
		if err != nil {
			return err
		}
		j.last.Store(max(head, 1))
	}
	for len(ids) > 0 {
		n := j.last.Load()
		fits := 0
		_, err := state.Update(ctx, j.store, j.key(n), func(page *Page, _ bool) (bool, error) {
			fits = min(perPage-len(page.IDs), len(ids))
			if fits <= 0 {
				return false, nil
			}
			page.IDs = append(page.IDs, ids[:fits]...)
			page.Updated = time.Now().UTC()
			return true, nil
		})
		if err != nil {
			return err
		}
		if ids = ids[max(fits, 0):]; len(ids) > 0 {
			j.turn(ctx, n+1)
		}
	}
	return nil
}

// turn goes on to page n. That the head cannot be written costs only a longer look for the end at the next start.
func (j *Journal) turn(ctx context.Context, n int64) {
	j.last.Store(n)
	_, _ = state.Update(ctx, j.store, j.head(), func(head *int64, _ bool) (bool, error) {
		write := *head < n
		*head = max(*head, n)
		return write, nil
	})
}
