package api

import (
	"context"
	"errors"

	"github.com/sidecart/sidecart/services/internal/event"
	"github.com/sidecart/sidecart/services/internal/subscribe"
	"github.com/sidecart/sidecart/services/payment/internal/cashier"
)

// Orders is how this service hears the topic orders: a confirmed order's payment is captured.
func (s *Server) Orders() subscribe.Topic {
	return subscribe.Topic{
		Name:    "orders",
		Types:   []string{"order.confirmed.v1"},
		Ignored: []string{"order.awaiting_payment.v1", "order.cancelled.v1"},
		Handle:  s.confirmed,
	}
}

func (s *Server) confirmed(ctx context.Context, events []event.Event) []error {
	errs := make([]error, len(events))
	var ids []string
	at := map[string][]int{}
	for i, e := range events {
		order, err := event.Data[struct {
			OrderID string `json:"orderId"`
		}](e)
		if err == nil && checkID("orderId", order.OrderID) != nil {
			err = event.Poison("data of %s: orderId is no order's id", e.Type)
		}
		if err != nil {
			errs[i] = err
			continue
		}
		if at[order.OrderID] == nil {
			ids = append(ids, order.OrderID)
		}
		at[order.OrderID] = append(at[order.OrderID], i)
	}
	for n, err := range s.Cashier.Capture(ctx, ids) {
		if errors.Is(err, cashier.ErrDeclined) {
			err = event.Poison("%w", err)
		}
		for _, i := range at[ids[n]] {
			errs[i] = err
		}
	}
	return errs
}
