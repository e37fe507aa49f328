package api

import (
	"context"

	"github.com/google/uuid"

	"github.com/sidecart/sidecart/services/cart/internal/cart"
	"github.com/sidecart/sidecart/services/internal/event"
	"github.com/sidecart/sidecart/services/internal/subscribe"
)

// Topics that the service hears.
func (s *Server) Topics() []subscribe.Topic { return []subscribe.Topic{s.catalog(), s.orders()} }

// catalog keeps the copy of the catalogue. All its events carry the whole product.
func (s *Server) catalog() subscribe.Topic {
	return subscribe.Topic{
		Name:   "catalog",
		Types:  []string{cart.ProductCreatedV1, cart.ProductChangedV1, cart.ProductRetiredV1},
		Handle: subscribe.Each(s.keepProduct),
	}
}

func (s *Server) keepProduct(ctx context.Context, e event.Event) error {
	product, err := event.Data[cart.Product](e)
	if err != nil {
		return err
	}
	if !product.Valid() || uuid.Validate(product.ID) != nil {
		return event.Poison("not a product: %s", e.ID)
	}
	return s.Products.Keep(ctx, product)
}

// orders takes out of carts what was ordered from them.
func (s *Server) orders() subscribe.Topic {
	return subscribe.Topic{
		Name: "orders", Types: []string{cart.OrderConfirmedV1}, Ignored: cart.OrderIgnored,
		Handle: subscribe.Each(s.takeOrdered),
	}
}

func (s *Server) takeOrdered(ctx context.Context, e event.Event) error {
	order, err := event.Data[struct {
		CustomerID string      `json:"customerId"`
		CartID     string      `json:"cartId"`
		Lines      []cart.Line `json:"lines"`
	}](e)
	if err != nil {
		return err
	}
	if order.CartID == "" {
		return nil // it was not ordered from a cart
	}
	if uuid.Validate(order.CustomerID) != nil || len(order.Lines) == 0 {
		return event.Poison("not an order: %s", e.ID)
	}
	return s.Carts.Ordered(ctx, order.CustomerID, order.CartID, order.Lines)
}
