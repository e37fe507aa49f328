package api

import (
	"context"

	"github.com/google/uuid"

	"github.com/sidecart/sidecart/services/internal/event"
	"github.com/sidecart/sidecart/services/internal/subscribe"
	"github.com/sidecart/sidecart/services/product/internal/catalogue"
	"github.com/sidecart/sidecart/services/product/internal/store"
)

// stockChanged is what the inventory service says of a product's stock.
const stockChanged = "stock.changed.v1"

// Topics is what this service hears: the stock once per service, the catalogue in every replica.
func (s *Server) Topics() []subscribe.Topic {
	return []subscribe.Topic{
		{Name: "stock", Types: []string{stockChanged}, Handle: s.recordStock},
		{Name: catalogue.Topic, Types: []string{catalogue.Created, catalogue.Changed, catalogue.Retired}, Handle: s.indexProducts},
	}
}

func (s *Server) recordStock(ctx context.Context, events []event.Event) []error {
	return together(events, stockOf, func(stocks []store.Stock) []error { return s.products.Record(ctx, stocks) })
}

func (s *Server) indexProducts(_ context.Context, events []event.Event) []error {
	return together(events, productOf, func(products []catalogue.Product) []error {
		errs := make([]error, len(products))
		if err := s.index.Apply(products); err != nil {
			for i := range errs {
				errs[i] = err
			}
		}
		return errs
	})
}

// together reads all events and handles in one go those that can be read.
func together[T any](events []event.Event, read func(event.Event) (T, error), handle func([]T) []error) []error {
	errs := make([]error, len(events))
	var values []T
	var at []int
	for i, e := range events {
		value, err := read(e)
		if errs[i] = err; err == nil {
			values, at = append(values, value), append(at, i)
		}
	}
	for i, err := range handle(values) {
		errs[at[i]] = err
	}
	return errs
}

func stockOf(e event.Event) (store.Stock, error) {
	data, err := event.Data[struct {
		ProductID string `json:"productId"`
		store.Availability
	}](e)
	if err == nil && (!identifies(data.ProductID, e) || data.Version < 1 || data.Available < 0) {
		err = event.Poison("%s without a product's id, a version or an amount", e.Type)
	}
	return store.Stock{ProductID: data.ProductID, Availability: data.Availability}, err
}

func productOf(e event.Event) (catalogue.Product, error) {
	data, err := event.Data[catalogue.Snapshot](e)
	if err == nil && (!identifies(data.ProductID, e) || data.Version < 1) {
		err = event.Poison("%s without a product's id or a version", e.Type)
	}
	return data.Product(), err
}

// identifies tells whether id is a product's, and the one that the event is about.
func identifies(id string, e event.Event) bool {
	return len(id) == 36 && uuid.Validate(id) == nil && id == e.Subject
}
