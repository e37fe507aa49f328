package saga

import (
	"context"

	"github.com/sidecart/sidecart/services/order/internal/order"
	"github.com/sidecart/sidecart/services/order/internal/store"
)

// pick answers the orders for which want holds.
func pick(orders []*store.Loaded, want func(order.Order) bool) []*store.Loaded {
	var picked []*store.Loaded
	for _, l := range orders {
		if want(l.Order) {
			picked = append(picked, l)
		}
	}
	return picked
}

// each makes one call for all the orders and hands on each one's result.
func each(orders []*store.Loaded, call func(context.Context, []order.Order) map[string]Result, ctx context.Context, use func(*store.Loaded, Result)) {
	if len(orders) == 0 {
		return
	}
	states := make([]order.Order, len(orders))
	for i, l := range orders {
		states[i] = l.Order
	}
	results := call(ctx, states)
	for _, l := range orders {
		use(l, results[l.ID])
	}
}

func set(outcomes map[string]error, ids []string, err error) {
	for _, id := range ids {
		outcomes[id] = err
	}
}
