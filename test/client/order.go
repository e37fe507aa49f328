package client

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Order as its customer sees it.
type Order struct {
	ID              string    `json:"id"`
	CustomerID      string    `json:"customerId"`
	Status          string    `json:"status"`
	Reason          string    `json:"reason,omitempty"`
	Lines           []Line    `json:"lines"`
	Total           Money     `json:"total"`
	Version         int64     `json:"version"`
	PlacedAt        time.Time `json:"placedAt"`
	UpdatedAt       time.Time `json:"updatedAt"`
	ShippingAddress *Address  `json:"shippingAddress,omitempty"`
}

// The states of an order.
const (
	Submitted       = "submitted"
	AwaitingPayment = "awaiting_payment"
	Confirmed       = "confirmed"
	Cancelled       = "cancelled"
)

// Final tells that the checkout is over.
func (o Order) Final() bool { return o.Status == Confirmed || o.Status == Cancelled }

// Line of an order or a cart.
type Line struct {
	ProductID string `json:"productId"`
	Name      string `json:"name"`
	Quantity  int64  `json:"quantity"`
	UnitPrice Money  `json:"unitPrice"`
}

// Address to ship to.
type Address struct {
	Name       string `json:"name"`
	Street     string `json:"street"`
	City       string `json:"city"`
	PostalCode string `json:"postalCode"`
	Country    string `json:"country"`
}

// Item of an order request.
type Item struct {
	ProductID string `json:"productId"`
	Quantity  int64  `json:"quantity"`
}

// Purchase is the body of an order request: either Items or FromCart.
type Purchase struct {
	Items           []Item  `json:"items,omitempty"`
	FromCart        bool    `json:"fromCart,omitempty"`
	PaymentToken    string  `json:"paymentToken"`
	ShippingAddress Address `json:"shippingAddress"`
}

// PlaceOrder asks for an order, once per key. With wait the answer is held until the order is
// final or so many full seconds have passed.
func (c Client) PlaceOrder(ctx context.Context, key string, p Purchase, wait time.Duration) (Order, error) {
	header := idempotency(key)
	preferWait(header, wait)
	return call[Order](ctx, c, Request{Method: http.MethodPost, Path: "/api/orders", Header: header, Body: p})
}

func preferWait(header http.Header, wait time.Duration) {
	if wait > 0 {
		header.Set("Prefer", fmt.Sprintf("wait=%d", int(wait.Seconds())))
	}
}

// Order by its id.
func (c Client) Order(ctx context.Context, id string) (Order, error) {
	return call[Order](ctx, c, Request{Method: http.MethodGet, Path: orderPath(id)})
}

func orderPath(id string) string { return "/api/orders/" + url.PathEscape(id) }

// Orders is one page of the caller's orders, the newest first, from the read side.
func (c Client) Orders(ctx context.Context, limit int, cursor string) (Page[Order], error) {
	return call[Page[Order]](ctx, c, Request{Method: http.MethodGet, Path: query("/api/orders", "limit", strconv.Itoa(limit), "cursor", cursor)})
}

// Event of an order's stream.
type Event struct {
	Type    string          `json:"type"`
	Version int64           `json:"version"`
	At      time.Time       `json:"at"`
	Data    json.RawMessage `json:"data"`
}

// History is an order's event stream, the oldest first.
func (c Client) History(ctx context.Context, id string) ([]Event, error) {
	answer, err := call[struct {
		Events []Event `json:"events"`
	}](ctx, c, Request{Method: http.MethodGet, Path: orderPath(id) + "/history"})
	return answer.Events, err
}

// CancelOrder asks for an order to be undone; wait as in PlaceOrder.
func (c Client) CancelOrder(ctx context.Context, id string, wait time.Duration) (Order, error) {
	header := http.Header{}
	preferWait(header, wait)
	return call[Order](ctx, c, Request{Method: http.MethodPost, Path: orderPath(id) + "/cancel", Header: header})
}

// WaitFinal asks again and again until the order is final; temporary failures are passed over.
func (c Client) WaitFinal(ctx context.Context, id string) (Order, error) {
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for {
		o, err := c.Order(ctx, id)
		if err == nil && o.Final() {
			return o, nil
		}
		if err != nil && !Temporary(err) {
			return o, err
		}
		select {
		case <-ctx.Done():
			return o, fmt.Errorf("order %s is not final (%s): %w", id, o.Status, ctx.Err())
		case <-ticker.C:
		}
	}
}
