// Package store keeps the read side's documents.
package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/sidecart/sidecart/services/internal/journal"
	"github.com/sidecart/sidecart/services/internal/state"
	"github.com/sidecart/sidecart/services/orderquery/internal/projection"
)

// Orders keeps the latest snapshot of each order, the list of each customer's orders and the
// list of each day's sales. Safe for concurrent use, also by several processes.
type Orders struct {
	docs  state.Store
	lists journal.Lists
}

// NewOrders keeps orders in the service's store.
func NewOrders(docs state.Store) *Orders { return &Orders{docs, journal.Lists{Store: docs}} }

// entry is an order's document.
type entry struct {
	projection.Order
	// Listed is the order's place in its customer's list, Sold in the day's sales once it was confirmed.
	Listed journal.Place `json:"listed"`
	Sold   journal.Place `json:"sold,omitempty"`
}

func entryKey(orderID string) string        { return "entry-" + orderID }
func customerList(customerID string) string { return "customer-" + customerID }
func salesList(day string) string           { return "sales-" + day }

// attempts bounds the rounds of one Apply, most of which are lost to other writers.
const attempts = 100

// Apply takes snapshots over that are newer than what is known, in any order and however
// often they come, and answers an error (or nil) for each: state.ErrUnavailable or
// state.ErrConflict, after which it is to be applied again.
func (o *Orders) Apply(ctx context.Context, snapshots []projection.Order) []error {
	failed := map[string]error{}
	waiting := projection.Latest(snapshots)
	for try := 0; len(waiting) > 0; try++ {
		if waiting = o.round(ctx, waiting, failed); len(waiting) == 0 {
			break
		}
		err := state.Backoff(ctx, try)
		if err == nil && try >= attempts {
			err = fmt.Errorf("%w: entries are contended", state.ErrConflict)
		}
		if err != nil {
			for _, order := range waiting {
				failed[order.OrderID] = err
			}
			break
		}
	}
	errs := make([]error, len(snapshots))
	for i, s := range snapshots {
		errs[i] = failed[s.OrderID]
	}
	return errs
}

// round applies each order once and answers those that another writer came in between of.
func (o *Orders) round(ctx context.Context, orders []projection.Order, failed map[string]error) (again []projection.Order) {
	keys := make([]string, len(orders))
	for i, order := range orders {
		keys[i] = entryKey(order.OrderID)
	}
	items, err := o.docs.GetMany(ctx, keys)
	if err != nil {
		for _, order := range orders {
			failed[order.OrderID] = err
		}
		return nil
	}
	var changes []change
	for i, order := range orders {
		known, err := state.Decode[entry](items[i])
		if err != nil {
			failed[order.OrderID] = err
		} else if !items[i].Exists() || known.Version < order.Version {
			changes = append(changes, change{items[i], entry{order, known.Listed, known.Sold}})
		}
	}
	writes := make([]state.Item, 0, len(changes))
	written := make([]projection.Order, 0, len(changes))
	for i, err := range o.list(ctx, changes) {
		c := &changes[i]
		if err == nil {
			c.item.Value, err = json.Marshal(c.entry)
		}
		if err != nil {
			failed[c.entry.OrderID] = err
			continue
		}
		writes, written = append(writes, c.item), append(written, c.entry.Order)
	}
	for i, err := range o.docs.SaveMany(ctx, writes) {
		if errors.Is(err, state.ErrConflict) {
			again = append(again, written[i])
		} else if err != nil {
			failed[written[i].OrderID] = err
		}
	}
	return again
}

// change is an entry that is about to be written.
type change struct {
	item  state.Item
	entry entry
}

// list gives each entry the places that it needs, before it is written.
func (o *Orders) list(ctx context.Context, changes []change) []error {
	var additions []journal.Addition
	var targets []*journal.Place
	var of []int
	for i := range changes {
		e := &changes[i].entry
		if e.Listed == "" {
			additions = append(additions, journal.Addition{List: customerList(e.CustomerID), ID: e.OrderID})
			targets, of = append(targets, &e.Listed), append(of, i)
		}
		if e.WasConfirmed && e.Sold == "" {
			additions = append(additions, journal.Addition{List: salesList(e.Day()), ID: e.OrderID})
			targets, of = append(targets, &e.Sold), append(of, i)
		}
	}
	places, failures := o.lists.Append(ctx, additions)
	errs := make([]error, len(changes))
	for i, place := range places {
		*targets[i] = place
		errs[of[i]] = errors.Join(errs[of[i]], failures[i])
	}
	return errs
}

// Find answers the orders that are known of those asked for.
func (o *Orders) Find(ctx context.Context, orderIDs []string) ([]projection.Order, error) {
	entries, err := state.ReadMany[entry](ctx, o.docs, orderIDs, entryKey)
	orders := []projection.Order{}
	for _, e := range entries {
		if e.OrderID != "" {
			orders = append(orders, e.Order)
		}
	}
	return orders, err
}

// Newest answers up to most orders of a customer that are listed before a place, the newest first, and the place
// to go on before, which is empty at the end. Errors: journal.ErrPlace, state.ErrUnavailable.
func (o *Orders) Newest(ctx context.Context, customerID string, before journal.Place, most int) ([]projection.Order, journal.Place, error) {
	found, next, err := journal.Newest(ctx, o.lists, customerList(customerID), before, most, entryKey, func(e entry) journal.Place { return e.Listed })
	orders := make([]projection.Order, len(found))
	for i, e := range found {
		orders[i] = e.Order
	}
	return orders, next, err
}
