package api

import (
	"context"
	"fmt"

	"github.com/sidecart/sidecart/services/internal/event"
	"github.com/sidecart/sidecart/services/internal/state"
	"github.com/sidecart/sidecart/services/internal/subscribe"
	"github.com/sidecart/sidecart/services/inventory/internal/stock"
)

// orders hears of confirmed orders: what they hold is sold.
func (s *Server) orders() subscribe.Topic {
	return subscribe.Topic{
		Name: "orders", Types: []string{"order.confirmed.v1"},
		Ignored: []string{"order.awaiting_payment.v1", "order.cancelled.v1"}, Handle: s.settle,
	}
}

// catalog hears of new products: each gets its stock document.
func (s *Server) catalog() subscribe.Topic {
	return subscribe.Topic{
		Name: "catalog", Types: []string{"product.created.v1"},
		Ignored: []string{"product.changed.v1", "product.retired.v1"}, Handle: s.openAll,
	}
}

func (s *Server) settle(ctx context.Context, events []event.Event) []error {
	errs := make([]error, len(events))
	var requests []stock.Request
	var at []int
	for i, e := range events {
		confirmed, err := event.Data[order](e)
		if err == nil {
			err = checkOrder(confirmed)
		}
		if errs[i] = err; err != nil {
			continue
		}
		requests, at = append(requests, stock.Request{Kind: stock.Settle, OrderID: confirmed.OrderID, Lines: confirmed.Lines}), append(at, i)
	}
	for i, answer := range s.Ledger.Do(ctx, requests) {
		switch answer.Result {
		case stock.IsSettled:
		case stock.Contradicted:
			// An order is confirmed only after its reservation was durable, so waiting helps
			// nothing, and one event that is tried for ever would keep all others from being heard.
			errs[at[i]] = event.Poison("order %s is confirmed without a reservation that holds", requests[i].OrderID)
		default:
			errs[at[i]] = fmt.Errorf("%w: order %s is not settled yet", state.ErrUnavailable, requests[i].OrderID)
		}
	}
	return errs
}

func checkOrder(o order) error {
	err := checkID("", "orderId", o.OrderID)
	if err == nil {
		err = checkLines("lines", o.Lines)
	}
	if err != nil {
		return event.Poison("confirmed order: %w", err)
	}
	return nil
}

func (s *Server) openAll(ctx context.Context, events []event.Event) []error {
	errs := make([]error, len(events))
	var ids []string
	for i, e := range events {
		created, err := event.Data[struct {
			ProductID string `json:"productId"`
		}](e)
		if err == nil && checkID("", "productId", created.ProductID) != nil {
			err = event.Poison("the product has no id that can be used")
		}
		if errs[i] = err; err == nil {
			ids = append(ids, created.ProductID)
		}
	}
	if err := s.Ledger.Open(ctx, ids); err != nil {
		for i := range errs {
			if errs[i] == nil {
				errs[i] = err
			}
		}
	}
	return errs
}
