package order

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/sidecart/sidecart/services/internal/money"
)

// Types of the events in an order's stream.
const (
	Submitted             = "order.submitted"
	StockReserved         = "order.stock_reserved"
	PaymentPending        = "order.payment_pending"
	PaymentAuthorised     = "order.payment_authorised"
	Confirmed             = "order.confirmed"
	CancellationRequested = "order.cancellation_requested"
	Cancelled             = "order.cancelled"
)

// Event is something that happened to an order. The stream of them is the only record of it.
type Event struct {
	Type string `json:"type"`
	// Version counts the order's events from 1 without a gap.
	Version int64           `json:"version"`
	At      time.Time       `json:"at"`
	Data    json.RawMessage `json:"data,omitempty"`
}

// Submission is the data of Submitted: what the customer ordered, and all that is needed to see it through.
type Submission struct {
	OrderID         string      `json:"orderId"`
	CustomerID      string      `json:"customerId"`
	Lines           []Line      `json:"lines"`
	Total           money.Money `json:"total"`
	ShippingAddress Address     `json:"shippingAddress,omitzero"`
	// PaymentToken is the provider's name for the means of payment. It is never shown.
	PaymentToken string `json:"paymentToken,omitempty"`
	// CartID is the basket that the order was made from, or empty.
	CartID string `json:"cartId,omitempty"`
	// Fingerprint tells a repeated request from another one under the same idempotency key.
	Fingerprint string `json:"fingerprint,omitempty"`
	// Deadline is when an order that is not confirmed yet is cancelled.
	Deadline time.Time `json:"deadline"`
}

// Line is one product of an order, at the price that the customer saw.
type Line struct {
	ProductID string      `json:"productId"`
	Name      string      `json:"name"`
	Quantity  int64       `json:"quantity"`
	UnitPrice money.Money `json:"unitPrice"`
}

// Address is where the order goes. It appears in no event that leaves the service.
type Address struct {
	Name       string `json:"name"`
	Street     string `json:"street"`
	City       string `json:"city"`
	PostalCode string `json:"postalCode"`
	// Country as ISO 3166-1 alpha-2.
	Country string `json:"country"`
}

type paymentData struct {
	PaymentID string `json:"paymentId"`
}

type reasonData struct {
	Reason Reason `json:"reason"`
}

// Total sums the lines. Errors: money.ErrCurrency, money.ErrOverflow.
func Total(lines []Line) (money.Money, error) {
	var total money.Money
	for _, line := range lines {
		price, err := line.UnitPrice.Times(line.Quantity)
		if err != nil {
			return total, err
		}
		if total, err = total.Add(price); err != nil {
			return total, err
		}
	}
	return total, nil
}

func decode[T any](e Event) (T, error) {
	var data T
	if err := json.Unmarshal(e.Data, &data); err != nil {
		return data, fmt.Errorf("order: event %d %s: %w", e.Version, e.Type, err)
	}
	return data, nil
}
