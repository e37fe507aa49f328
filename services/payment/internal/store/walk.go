package store

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/sidecart/sidecart/services/internal/state"
	"github.com/sidecart/sidecart/services/payment/internal/payment"
)

// rest is how long after its id was listed a payment may still be written: much longer
// than any request lives.
const rest = time.Minute

// cursor says where in the journal unsettled payments can be: on the pages listed, and from Next on.
type cursor struct {
	Next int64   `json:"next"`
	Open []int64 `json:"open,omitempty"`
}

const cursorKey = "sweep-cursor"

// Walk finds the payments for which something is owed, without reading all there ever
// were: pages that are behind it are left for good, and what it has seen settled it does
// not read again. One Walk is for one goroutine; those of several processes share the cursor.
type Walk struct {
	store *Store
	// pages is only a memory of what was read; the cursor alone is needed to begin anew.
	pages map[int64]*leaf
}

// leaf is what the walk knows of a page of the journal.
type leaf struct {
	seen    int
	open    []string
	full    bool
	updated time.Time
}

// Walk prepares a walk over the payments.
func (s *Store) Walk() *Walk { return &Walk{s, map[int64]*leaf{}} }

// Relist has every walk visit a payment again for which something is owed anew: it may have been left behind as settled.
func (s *Store) Relist(ctx context.Context, orderID string) error { return s.list.Append(ctx, orderID) }

// Visit hands every unsettled payment over once, page by page. An error of visit or of a
// page does not keep the others from being visited.
func (w *Walk) Visit(ctx context.Context, now time.Time, visit func(context.Context, []payment.Payment) error) error {
	at, _, err := state.Read[cursor](ctx, w.store.docs, cursorKey)
	if err != nil {
		return err
	}
	var errs []error
	for _, n := range at.Open {
		errs = append(errs, w.page(ctx, n, now, visit))
	}
	next := max(at.Next, 1)
	for ; ctx.Err() == nil; next++ {
		err := w.page(ctx, next, now, visit)
		errs = append(errs, err)
		if page := w.pages[next]; page == nil || !page.full {
			break
		}
	}
	return errors.Join(append(errs, w.move(ctx, next, now))...)
}

// page visits the unsettled payments of a page.
func (w *Walk) page(ctx context.Context, n int64, now time.Time, visit func(context.Context, []payment.Payment) error) error {
	page, err := w.leaf(ctx, n)
	if err != nil || len(page.open) == 0 {
		return err
	}
	payments, err := w.store.Read(ctx, page.open)
	if err != nil {
		return err
	}
	open := page.open[:0:0]
	var owed []payment.Payment
	for i, p := range payments {
		switch {
		case p.State == payment.None:
			// Listed, but not written: it was given up, or comes any moment. Later tries list it again.
			if now.Sub(page.updated) <= rest {
				open = append(open, page.open[i])
			}
		case !p.Settled():
			open, owed = append(open, p.OrderID), append(owed, p)
		}
	}
	page.open = open
	if len(owed) == 0 {
		return nil
	}
	return visit(ctx, owed)
}

// leaf reads what is new on a page.
func (w *Walk) leaf(ctx context.Context, n int64) (*leaf, error) {
	page := w.pages[n]
	if page == nil {
		page = &leaf{}
		w.pages[n] = page
	}
	if page.full {
		return page, nil
	}
	listed, err := w.store.list.Read(ctx, n)
	if err != nil {
		return nil, err
	}
	for _, id := range listed.IDs[min(page.seen, len(listed.IDs)):] {
		if !slices.Contains(page.open, id) {
			page.open = append(page.open, id)
		}
	}
	page.seen, page.full, page.updated = len(listed.IDs), listed.Full(), listed.Updated
	return page, nil
}

// move writes the cursor: over full pages to next, leaving behind those that are done.
func (w *Walk) move(ctx context.Context, next int64, now time.Time) error {
	done := func(n int64) bool {
		page := w.pages[n]
		return page != nil && page.full && len(page.open) == 0 && now.Sub(page.updated) > rest
	}
	moved, err := state.Update(ctx, w.store.docs, cursorKey, func(at *cursor, _ bool) (bool, error) {
		before := len(at.Open)
		at.Open = slices.DeleteFunc(at.Open, done)
		write := len(at.Open) < before
		for at.Next = max(at.Next, 1); at.Next < next; at.Next++ {
			if write = true; !done(at.Next) {
				at.Open = append(at.Open, at.Next)
			}
		}
		return write, nil
	})
	if err != nil {
		return err
	}
	for n := range w.pages {
		if n < moved.Next && !slices.Contains(moved.Open, n) {
			delete(w.pages, n)
		}
	}
	return nil
}
