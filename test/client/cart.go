package client

import (
	"context"
	"net/http"
	"net/url"
)

// Cart is the caller's basket at today's prices.
type Cart struct {
	CartID string `json:"cartId"`
	Items  []Line `json:"items"`
	Total  Money  `json:"total"`
}

// Cart of the caller.
func (c Client) Cart(ctx context.Context) (Cart, error) {
	return call[Cart](ctx, c, Request{Method: http.MethodGet, Path: "/api/cart"})
}

// PutCartItem sets how many of a product lie in the cart.
func (c Client) PutCartItem(ctx context.Context, productID string, quantity int64) (Cart, error) {
	return call[Cart](ctx, c, Request{Method: http.MethodPut, Path: "/api/cart/items/" + url.PathEscape(productID), Body: map[string]int64{"quantity": quantity}})
}

// DeleteCartItem takes a product out of the cart.
func (c Client) DeleteCartItem(ctx context.Context, productID string) (Cart, error) {
	return call[Cart](ctx, c, Request{Method: http.MethodDelete, Path: "/api/cart/items/" + url.PathEscape(productID)})
}

// EmptyCart takes everything out.
func (c Client) EmptyCart(ctx context.Context) (Cart, error) {
	return call[Cart](ctx, c, Request{Method: http.MethodDelete, Path: "/api/cart"})
}
