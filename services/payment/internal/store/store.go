// Package store keeps the payments: one document per order, and a journal of them all.
package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/sidecart/sidecart/services/internal/journal"
	"github.com/sidecart/sidecart/services/internal/state"
	"github.com/sidecart/sidecart/services/payment/internal/payment"
)

// Store keeps payments. Safe for concurrent use.
type Store struct {
	docs state.Store
	list *journal.Journal
}

// New keeps payments in the service's state.
func New(docs state.Store) *Store { return &Store{docs, journal.New(docs, "payments")} }

func key(orderID string) string { return "payment-" + orderID }

// Step works on one payment, which is in state None when there is no document. It can ask
// the provider, and can run again after another writer came between; it answers whether
// there is something to write.
type Step func(ctx context.Context, p *payment.Payment) (write bool, err error)

// rounds bounds how often contended payments are tried in one call.
const rounds = 20

// Change lets step work on the payments of some orders, all at the same time, and writes
// what it changed, each payment on its own. It answers each payment as it is now and an
// error (or nil): step's own; state.ErrConflict when contention did not end;
// state.ErrUnavailable, after which the write may have taken place. Order ids must differ.
func (s *Store) Change(ctx context.Context, orderIDs []string, step func(i int) Step) ([]payment.Payment, []error) {
	payments := make([]payment.Payment, len(orderIDs))
	errs := make([]error, len(orderIDs))
	todo := make([]int, len(orderIDs))
	for i := range todo {
		todo[i] = i
	}
	for round := 0; len(todo) > 0 && round < rounds; round++ {
		if round > 0 && state.Backoff(ctx, round) != nil {
			break
		}
		s.round(ctx, orderIDs, todo, step, payments, errs)
		var again []int
		for _, i := range todo {
			if errors.Is(errs[i], state.ErrConflict) {
				again = append(again, i)
			}
		}
		todo = again
	}
	return payments, errs
}

// round reads, changes and writes the payments at todo once.
func (s *Store) round(ctx context.Context, orderIDs []string, todo []int, step func(int) Step, payments []payment.Payment, errs []error) {
	ids := make([]string, len(todo))
	for n, i := range todo {
		ids[n] = orderIDs[i]
	}
	items, err := s.docs.GetMany(ctx, keys(ids))
	if err != nil {
		for _, i := range todo {
			errs[i] = err
		}
		return
	}
	writes := make([]bool, len(todo))
	var work sync.WaitGroup
	for n, i := range todo {
		work.Go(func() { writes[n], errs[i] = one(ctx, orderIDs[i], &items[n], &payments[i], step(i)) })
	}
	work.Wait()
	var saves []state.Item
	var at []int
	var created []string
	for n, i := range todo {
		if writes[n] && errs[i] == nil {
			saves, at = append(saves, items[n]), append(at, i)
			if items[n].ETag == "" {
				created = append(created, orderIDs[i])
			}
		}
	}
	for n, err := range s.save(ctx, created, saves) {
		errs[at[n]] = err
	}
}

// save writes documents; those that are to be created are listed in the journal first.
func (s *Store) save(ctx context.Context, created []string, items []state.Item) []error {
	if len(created) > 0 {
		if err := s.list.Append(ctx, created...); err != nil {
			return slices.Repeat([]error{err}, len(items))
		}
	}
	return s.docs.SaveMany(ctx, items)
}

// one runs a step on a document as read and puts what it changed into item.
func one(ctx context.Context, orderID string, item *state.Item, p *payment.Payment, step Step) (bool, error) {
	var err error
	if *p, err = decode(*item, orderID); err != nil {
		return false, err
	}
	write, err := step(ctx, p)
	if err != nil || !write {
		return false, err
	}
	if item.Value, err = json.Marshal(*p); err != nil {
		return false, fmt.Errorf("payment: encode %s: %w", p.ID, err)
	}
	return true, nil
}

// Update is Change for one payment.
func (s *Store) Update(ctx context.Context, orderID string, step Step) (payment.Payment, error) {
	payments, errs := s.Change(ctx, []string{orderID}, func(int) Step { return step })
	return payments[0], errs[0]
}

// Read answers the payments of some orders; an order without one has it in state None.
func (s *Store) Read(ctx context.Context, orderIDs []string) ([]payment.Payment, error) {
	payments, err := state.ReadMany[payment.Payment](ctx, s.docs, orderIDs, key)
	for i, p := range payments {
		if p.OrderID == "" {
			payments[i] = payment.Of(orderIDs[i])
		}
	}
	return payments, err
}

func decode(item state.Item, orderID string) (payment.Payment, error) {
	if !item.Exists() {
		return payment.Of(orderID), nil
	}
	return state.Decode[payment.Payment](item)
}

func keys(orderIDs []string) []string {
	keys := make([]string, len(orderIDs))
	for i, id := range orderIDs {
		keys[i] = key(id)
	}
	return keys
}
