package store

import (
	"context"

	"github.com/sidecart/sidecart/services/orderquery/internal/projection"
)

// Sales folds the orders that were placed on a day (YYYY-MM-DD, UTC) and have been confirmed. It reads
// each of them, so that repeated events cannot be counted twice; the cost grows with the day's orders.
func (o *Orders) Sales(ctx context.Context, day string) (projection.Sales, error) {
	sales := projection.NewSales(day)
	err := o.lists.All(ctx, salesList(day), func(listed []Listed) error {
		sold, err := o.counted(ctx, listed, func(e entry) *Place { return e.Sold })
		if err != nil {
			return err
		}
		for _, e := range sold {
			if err := sales.Add(e.Order); err != nil {
				return err
			}
		}
		return nil
	})
	return sales, err
}
