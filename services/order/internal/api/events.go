package api

import (
	"context"

	"github.com/sidecart/sidecart/services/internal/event"
	"github.com/sidecart/sidecart/services/internal/subscribe"
	"github.com/sidecart/sidecart/services/order/internal/intake"
	"github.com/sidecart/sidecart/services/order/internal/order"
	"github.com/sidecart/sidecart/services/order/internal/store"
)

// Topics are what the service hears: its own queue, decided payments, and the catalogue.
func (s *Server) Topics() []subscribe.Topic {
	return []subscribe.Topic{
		{Name: intake.Queue, Types: []string{order.SubmittedV1, order.ResumedV1}, Handle: s.drive},
		{Name: "payments", Types: []string{"payment.authorised.v1", "payment.declined.v1"}, Handle: s.drive},
		{
			Name: "catalog", Types: []string{"product.created.v1", "product.changed.v1", "product.retired.v1"},
			Handle: subscribe.Each(func(ctx context.Context, e event.Event) error {
				product, err := event.Data[store.Product](e)
				if err != nil {
					return err
				}
				if product.ProductID == "" || product.Version < 1 {
					return event.Poison("product without id or version")
				}
				return s.Catalogue.Apply(ctx, product)
			}),
		},
	}
}

// drive goes on with the orders that the events name; what else the events say, the streams say better.
func (s *Server) drive(ctx context.Context, events []event.Event) []error {
	errs := make([]error, len(events))
	var ids []string
	var at []int
	for i, e := range events {
		data, err := event.Data[struct {
			OrderID string `json:"orderId"`
		}](e)
		if err == nil && data.OrderID == "" {
			err = event.Poison("%s without orderId", e.Type)
		}
		if err != nil {
			errs[i] = err
			continue
		}
		ids, at = append(ids, data.OrderID), append(at, i)
	}
	for n, err := range s.Saga.Drive(ctx, ids) {
		errs[at[n]] = err
	}
	return errs
}
