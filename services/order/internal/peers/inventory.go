package peers

import (
	"context"
	"maps"
	"time"

	"github.com/sidecart/sidecart/services/order/internal/order"
	"github.com/sidecart/sidecart/services/order/internal/saga"
)

// Inventory is the stock's part in the saga: reserve, and release or take back.
type Inventory struct{ Invoker Invoker }

type stockLine struct {
	ProductID string `json:"productId"`
	Quantity  int64  `json:"quantity"`
}

type stockOrder struct {
	OrderID   string      `json:"orderId"`
	ExpiresAt *time.Time  `json:"expiresAt,omitempty"`
	Lines     []stockLine `json:"lines"`
}

type stockRequest struct {
	Orders []stockOrder `json:"orders"`
}

type stockAnswer struct {
	Results []struct {
		OrderID string `json:"orderId"`
		Result  string `json:"result"`
	} `json:"results"`
}

var stockOutcomes = map[string]saga.Outcome{
	"reserved": saga.Done, "refused": saga.Refused, "released": saga.Done, "returned": saga.Done,
}

// Do reserves the orders' stock until their deadline.
func (i Inventory) Do(ctx context.Context, orders []order.Order) map[string]saga.Result {
	return i.call(ctx, "/reservations", orders, true)
}

// Undo releases what was reserved, or takes back what a confirmed order had been promised.
func (i Inventory) Undo(ctx context.Context, orders []order.Order) map[string]saga.Result {
	var held, sold []order.Order
	for _, o := range orders {
		if o.WasConfirmed {
			sold = append(sold, o)
		} else {
			held = append(held, o)
		}
	}
	results := i.call(ctx, "/reservations/release", held, false)
	maps.Copy(results, i.call(ctx, "/reservations/return", sold, false))
	return results
}

func (i Inventory) call(ctx context.Context, path string, orders []order.Order, expires bool) map[string]saga.Result {
	return apart(orders, func(orders []order.Order) (map[string]saga.Result, bool) {
		request := stockRequest{make([]stockOrder, len(orders))}
		for n, o := range orders {
			to := &request.Orders[n]
			to.OrderID = o.OrderID
			if expires {
				to.ExpiresAt = &o.Deadline
			}
			for _, line := range o.Lines {
				to.Lines = append(to.Lines, stockLine{line.ProductID, line.Quantity})
			}
		}
		answer, refused := batch[stockAnswer](ctx, i.Invoker, "inventory", path, request)
		results := map[string]saga.Result{}
		for _, r := range answer.Results {
			results[r.OrderID] = saga.Result{Outcome: stockOutcomes[r.Result]}
		}
		return results, refused
	})
}
