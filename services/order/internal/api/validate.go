package api

import (
	"fmt"
	"unicode/utf8"

	"github.com/sidecart/sidecart/services/internal/problem"
	"github.com/sidecart/sidecart/services/order/internal/order"
)

// Limits of an order.
const (
	maxLines    = 100
	maxQuantity = 999
	maxText     = 200
	maxToken    = 255
)

// placeOrder is the body of POST /orders.
type placeOrder struct {
	Items           []item         `json:"items,omitempty"`
	FromCart        bool           `json:"fromCart,omitempty"`
	PaymentToken    string         `json:"paymentToken"`
	ShippingAddress *order.Address `json:"shippingAddress"`
}

type item struct {
	ProductID string `json:"productId"`
	Quantity  int64  `json:"quantity"`
}

// check answers every field that is wrong, not only the first.
func (b placeOrder) check() error {
	var fields []problem.Field
	wrong := func(field, format string, args ...any) {
		fields = append(fields, problem.Field{Field: field, Message: fmt.Sprintf(format, args...)})
	}
	switch {
	case b.FromCart && len(b.Items) > 0:
		wrong("items", "give either items or fromCart, not both")
	case !b.FromCart && len(b.Items) == 0:
		wrong("items", "at least one item is required, or fromCart")
	case len(b.Items) > maxLines:
		wrong("items", "at most %d lines are possible", maxLines)
	default:
		checkItems(b.Items, wrong)
	}
	checkText(wrong, "paymentToken", b.PaymentToken, maxToken)
	if b.ShippingAddress == nil {
		wrong("shippingAddress", "is required")
	} else {
		checkAddress(*b.ShippingAddress, wrong)
	}
	if len(fields) == 0 {
		return nil
	}
	return &problem.Error{Code: problem.Invalid, Detail: fields[0].Field + ": " + fields[0].Message, Fields: fields}
}

type wrong func(field, format string, args ...any)

func checkItems(items []item, wrong wrong) {
	seen := map[string]int{}
	for i, item := range items {
		at := fmt.Sprintf("items[%d]", i)
		checkText(wrong, at+".productId", item.ProductID, maxText)
		if item.Quantity < 1 || item.Quantity > maxQuantity {
			wrong(at+".quantity", "must be from 1 to %d", maxQuantity)
		}
		if first, twice := seen[item.ProductID]; twice {
			wrong(at+".productId", "is the same product as items[%d]; give each product once", first)
		} else {
			seen[item.ProductID] = i
		}
	}
}

func checkAddress(a order.Address, wrong wrong) {
	checkText(wrong, "shippingAddress.name", a.Name, maxText)
	checkText(wrong, "shippingAddress.street", a.Street, maxText)
	checkText(wrong, "shippingAddress.city", a.City, maxText)
	checkText(wrong, "shippingAddress.postalCode", a.PostalCode, 20)
	if len(a.Country) != 2 || a.Country[0] < 'A' || a.Country[0] > 'Z' || a.Country[1] < 'A' || a.Country[1] > 'Z' {
		wrong("shippingAddress.country", "must be two capital letters (ISO 3166-1 alpha-2)")
	}
}

func checkText(wrong wrong, field, text string, most int) {
	if n := utf8.RuneCountInString(text); n == 0 {
		wrong(field, "is required")
	} else if n > most {
		wrong(field, "must have at most %d characters", most)
	}
}
