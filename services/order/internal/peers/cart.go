package peers

import (
	"context"
	"net/http"

	"github.com/sidecart/sidecart/services/internal/dapr"
	"github.com/sidecart/sidecart/services/order/internal/order"
)

// Basket is a customer's cart, at the prices that the customer sees.
type Basket struct {
	CartID string       `json:"cartId"`
	Items  []order.Line `json:"items"`
}

// Cart reads carts.
type Cart struct{ Invoker Invoker }

// Of reads the cart of the customer whose Authorization header is handed on.
func (c Cart) Of(ctx context.Context, authorization string) (Basket, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	var basket Basket
	err := c.Invoker.Invoke(ctx, dapr.Call{
		App: "cart", Method: http.MethodGet, Path: "/cart", Header: http.Header{"Authorization": {authorization}}, Out: &basket,
	})
	return basket, err
}
