package api

import (
	"context"

	"github.com/sidecart/sidecart/services/internal/event"
	"github.com/sidecart/sidecart/services/internal/subscribe"
	"github.com/sidecart/sidecart/services/orderquery/internal/projection"
)

// Topics are what the read side hears. It hears the order service's work queue too, so that
// an order shows from the moment that it is accepted.
func (s *Server) Topics() []subscribe.Topic {
	return []subscribe.Topic{
		{Name: "checkout", Types: []string{projection.Submitted}, Ignored: []string{projection.Resumed}, Handle: s.applyEvents},
		{Name: "orders", Types: []string{projection.AwaitingPayment, projection.Confirmed, projection.Cancelled}, Handle: s.applyEvents},
	}
}

func (s *Server) applyEvents(ctx context.Context, events []event.Event) []error {
	errs := make([]error, len(events))
	var orders []projection.Order
	var of []int
	for i, e := range events {
		order, err := event.Data[projection.Order](e)
		if err == nil {
			if invalid := order.Valid(); invalid != nil {
				err = event.Poison("data of %s: %w", e.Type, invalid)
			}
		}
		if errs[i] = err; err == nil {
			orders, of = append(orders, order), append(of, i)
		}
	}
	for i, err := range s.Orders.Apply(ctx, orders) {
		errs[of[i]] = err
	}
	return errs
}
