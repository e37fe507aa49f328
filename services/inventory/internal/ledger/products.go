package ledger

import (
	"context"
	"errors"

	"github.com/sidecart/sidecart/services/internal/state"
	"github.com/sidecart/sidecart/services/inventory/internal/stock"
)

// Open gives products their stock document, nothing on hand, where they have none yet.
// Errors: state.ErrUnavailable.
func (l *Ledger) Open(ctx context.Context, productIDs []string) error {
	keys := make([]string, 0, len(productIDs))
	ids := make([]string, 0, len(productIDs))
	seen := map[string]bool{}
	for _, id := range productIDs {
		if !seen[id] {
			seen[id] = true
			ids, keys = append(ids, id), append(keys, stockKey(id))
		}
	}
	items, err := l.store.GetMany(ctx, keys)
	if err != nil {
		return err
	}
	var writes []state.Item
	var opened []*stock.Stock
	var listed []string
	for i, item := range items {
		if item.Exists() {
			continue
		}
		s := stock.New(ids[i], l.now())
		write, err := encode(item, s)
		if err != nil {
			return err
		}
		writes, opened, listed = append(writes, write), append(opened, &s), append(listed, ids[i])
	}
	// The list comes first: a stock that is not on it would never be swept.
	if len(listed) > 0 {
		if err := l.skus.Append(ctx, listed...); err != nil {
			return err
		}
	}
	for i, err := range l.store.SaveMany(ctx, writes) {
		if errors.Is(err, state.ErrConflict) {
			continue
		}
		if err != nil {
			return err
		}
		l.announce.Note(opened[i])
	}
	return nil
}

// Stock reads one product's stock; false when it has none.
func (l *Ledger) Stock(ctx context.Context, productID string) (stock.Stock, bool, error) {
	return state.Read[stock.Stock](ctx, l.store, stockKey(productID))
}

// List answers a page of all stocks, from page 1, and the number of the next page, 0 after
// the last. A product that was opened twice at the same moment can be listed twice.
func (l *Ledger) List(ctx context.Context, number int64) (stocks []stock.Stock, next int64, err error) {
	page, err := l.skus.Read(ctx, number)
	if err != nil {
		return nil, 0, err
	}
	read, err := l.read(ctx, page.IDs)
	if err != nil {
		return nil, 0, err
	}
	for _, r := range read {
		stocks = append(stocks, r.stock)
	}
	if page.Full() {
		next = number + 1
	}
	return stocks, next, nil
}

type stored struct {
	stock stock.Stock
	item  state.Item
}

// read answers the stocks that exist, each once; with an error, those that could be decoded.
func (l *Ledger) read(ctx context.Context, productIDs []string) ([]stored, error) {
	keys := make([]string, 0, len(productIDs))
	seen := map[string]bool{}
	for _, id := range productIDs {
		if !seen[id] {
			seen[id] = true
			keys = append(keys, stockKey(id))
		}
	}
	items, err := l.store.GetMany(ctx, keys)
	if err != nil {
		return nil, err
	}
	var stocks []stored
	var broken error
	for _, item := range items {
		s, err := state.Decode[stock.Stock](item)
		broken = errors.Join(broken, err)
		if err == nil && item.Exists() {
			stocks = append(stocks, stored{s, item})
		}
	}
	return stocks, broken
}

// Reservations reads the reservations of orders, in their order; the state of one that does not exist is None.
func (l *Ledger) Reservations(ctx context.Context, orderIDs []string) ([]stock.Reservation, error) {
	reservations, err := state.ReadMany[stock.Reservation](ctx, l.store, orderIDs, reservationKey)
	for i, r := range reservations {
		if r.OrderID == "" {
			reservations[i] = stock.Reservation{OrderID: orderIDs[i], State: stock.None}
		}
	}
	return reservations, err
}
