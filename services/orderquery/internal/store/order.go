package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/sidecart/sidecart/services/internal/state"
	"github.com/sidecart/sidecart/services/orderquery/internal/projection"
)

// Orders keeps the latest snapshot of each order, the list of each customer's orders and the
// list of each day's sales. Safe for concurrent use, also by several processes.
type Orders struct {
	docs  state.Store
	lists Lists
}

// NewOrders keeps orders in the service's store.
func NewOrders(docs state.Store) *Orders { return &Orders{docs, Lists{docs}} }

// entry is an order's document.
type entry struct {
	projection.Order
	// Listed is the order's place in its customer's list, Sold in the day's sales once it was confirmed.
	Listed Place  `json:"listed"`
	Sold   *Place `json:"sold,omitempty"`
}

func entryKey(orderID string) string        { return "entry-" + orderID }
func customerList(customerID string) string { return "customer-" + customerID }
func salesList(day string) string           { return "sales-" + day }

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
	var additions []Addition
	var targets []func(Place)
	var of []int
	for i := range changes {
		e := &changes[i].entry
		if e.Listed == (Place{}) {
			additions, of = append(additions, Addition{customerList(e.CustomerID), e.OrderID}), append(of, i)
			targets = append(targets, func(p Place) { e.Listed = p })
		}
		if e.WasConfirmed && e.Sold == nil {
			additions, of = append(additions, Addition{salesList(e.Day()), e.OrderID}), append(of, i)
			targets = append(targets, func(p Place) { e.Sold = &p })
		}
	}
	places, failures := o.lists.Append(ctx, additions)
	errs := make([]error, len(changes))
	for i, place := range places {
		if failures[i] != nil {
			errs[of[i]] = failures[i]
			continue
		}
		targets[i](place)
	}
	return errs
}

// entries reads the documents of orders, in their order; an absent one is the zero entry.
func (o *Orders) entries(ctx context.Context, orderIDs []string) ([]entry, error) {
	keys := make([]string, len(orderIDs))
	for i, id := range orderIDs {
		keys[i] = entryKey(id)
	}
	items, err := o.docs.GetMany(ctx, keys)
	if err != nil {
		return nil, err
	}
	entries := make([]entry, len(items))
	for i, item := range items {
		if entries[i], err = state.Decode[entry](item); err != nil {
			return nil, err
		}
	}
	return entries, nil
}

// Find answers the orders that are known of those asked for.
func (o *Orders) Find(ctx context.Context, orderIDs []string) ([]projection.Order, error) {
	entries, err := o.entries(ctx, orderIDs)
	orders := []projection.Order{}
	for _, e := range entries {
		if e.OrderID != "" {
			orders = append(orders, e.Order)
		}
	}
	return orders, err
}

// Newest answers up to most orders of a customer that are listed before a place, the newest first, and
// the place to go on before, which is zero at the end. Errors: ErrPlace, state.ErrUnavailable.
func (o *Orders) Newest(ctx context.Context, customerID string, before Place, most int) ([]projection.Order, Place, error) {
	found := []entry{}
	for len(found) <= most {
		// One more than asked for tells whether there is a next page.
		wanted := most + 1 - len(found)
		listed, err := o.lists.Older(ctx, customerList(customerID), before, wanted)
		if err != nil {
			return nil, Place{}, err
		}
		counted, err := o.counted(ctx, listed, func(e entry) *Place { return &e.Listed })
		if err != nil {
			return nil, Place{}, err
		}
		if found = append(found, counted...); len(listed) < wanted {
			break
		}
		before = listed[len(listed)-1].Place
	}
	next := Place{}
	if len(found) > most {
		found = found[:most]
		next = found[most-1].Listed
	}
	orders := make([]projection.Order, len(found))
	for i, e := range found {
		orders[i] = e.Order
	}
	return orders, next, nil
}

// counted reads what is listed and leaves out what the entries say is listed elsewhere, or is not written yet.
func (o *Orders) counted(ctx context.Context, listed []Listed, place func(entry) *Place) ([]entry, error) {
	ids := make([]string, len(listed))
	for i, l := range listed {
		ids[i] = l.ID
	}
	entries, err := o.entries(ctx, ids)
	if err != nil {
		return nil, err
	}
	var counted []entry
	for i, e := range entries {
		if p := place(e); p != nil && *p == listed[i].Place {
			counted = append(counted, e)
		}
	}
	return counted, nil
}
