package client

import (
	"context"
	"net/http"
	"net/url"
)

// Stock of a product: what is there, what is promised, and the rest.
type Stock struct {
	ProductID string `json:"productId"`
	OnHand    int64  `json:"onHand"`
	Held      int64  `json:"held"`
	Available int64  `json:"available"`
}

// Stock of one product. (admin)
func (c Client) Stock(ctx context.Context, productID string) (Stock, error) {
	return call[Stock](ctx, c, Request{Method: http.MethodGet, Path: "/api/inventory/" + url.PathEscape(productID)})
}

// Receive books goods in, once per key. (admin)
func (c Client) Receive(ctx context.Context, productID, key string, quantity int64) (Stock, error) {
	return call[Stock](ctx, c, Request{
		Method: http.MethodPost, Path: "/api/inventory/" + url.PathEscape(productID) + "/receipts",
		Header: idempotency(key), Body: map[string]int64{"quantity": quantity},
	})
}
