package cart

import (
	"errors"

	"github.com/sidecart/sidecart/services/internal/money"
)

// Types of the catalogue's events and of the order events that concern a cart.
const (
	ProductCreatedV1 = "product.created.v1"
	ProductChangedV1 = "product.changed.v1"
	ProductRetiredV1 = "product.retired.v1"
	OrderConfirmedV1 = "order.confirmed.v1"
)

// OrderIgnored are the order events that are nothing to a cart.
var OrderIgnored = []string{"order.awaiting_payment.v1", "order.cancelled.v1"}

// Product is this service's copy of what the catalogue says.
type Product struct {
	ID      string      `json:"productId"`
	Version int64       `json:"version"`
	Name    string      `json:"name"`
	Price   money.Money `json:"price"`
	Retired bool        `json:"retired"`
}

// Valid tells whether it can be kept: anything else would break the carts that hold it.
func (p Product) Valid() bool {
	return p.ID != "" && p.Version >= 1 && p.Name != "" && p.Price.Valid()
}

// Newer tells whether the product is to take the place of the copy that is kept.
func (p Product) Newer(kept Product) bool { return p.Version > kept.Version }

// Priced is a line as it is shown.
type Priced struct {
	ProductID string      `json:"productId"`
	Name      string      `json:"name"`
	Quantity  int64       `json:"quantity"`
	UnitPrice money.Money `json:"unitPrice"`
}

// Price shows the cart's lines at the products' prices, and their total.
//
// A product that is not among them is left out. The total is nil when the cart is empty, and when
// its products are no longer priced in one currency, as one may have been changed since it was put in.
// Error: money.ErrOverflow.
func (c Cart) Price(products map[string]Product) ([]Priced, *money.Money, error) {
	priced := make([]Priced, 0, len(c.Lines))
	var total money.Money
	mixed := false
	for _, l := range c.Lines {
		p, known := products[l.ProductID]
		if !known {
			continue
		}
		priced = append(priced, Priced{p.ID, p.Name, l.Quantity, p.Price})
		amount, err := p.Price.Times(l.Quantity)
		if err != nil {
			return nil, nil, err
		}
		sum, err := total.Add(amount)
		switch {
		case errors.Is(err, money.ErrCurrency):
			mixed = true
		case err != nil:
			return nil, nil, err
		default:
			total = sum
		}
	}
	if len(priced) == 0 || mixed {
		return priced, nil, nil
	}
	return priced, &total, nil
}

// mixes tells whether a line of another product has another currency.
func (c Cart) mixes(product Product, products map[string]Product) bool {
	for _, l := range c.Lines {
		if p, known := products[l.ProductID]; known && l.ProductID != product.ID && p.Price.Currency != product.Price.Currency {
			return true
		}
	}
	return false
}
