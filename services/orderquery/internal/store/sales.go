package store

import (
	"context"
	"errors"

	"github.com/sidecart/sidecart/services/internal/journal"
	"github.com/sidecart/sidecart/services/internal/state"
	"github.com/sidecart/sidecart/services/orderquery/internal/projection"
)

// Sales folds the orders that were placed on a day (YYYY-MM-DD, UTC) and have been confirmed. It reads
// each of them, so that repeated events cannot be counted twice; the cost grows with the day's orders.
func (o *Orders) Sales(ctx context.Context, day string) (projection.Sales, error) {
	sales := projection.NewSales(day)
	err := o.lists.All(ctx, salesList(day), func(n int64, ids []string) error {
		entries, err := state.ReadMany[entry](ctx, o.docs, ids, entryKey)
		for i, e := range entries {
			// An order that is listed twice counts where its entry says.
			if e.Sold == journal.At(n, i) {
				err = errors.Join(err, sales.Add(e.Order))
			}
		}
		return err
	})
	return sales, err
}
