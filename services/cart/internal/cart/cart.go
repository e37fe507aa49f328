// Package cart is what a customer means to order.
package cart

import (
	"errors"
	"slices"
)

// Limits of a cart.
const (
	MaxLines    = 100
	MaxQuantity = 999
)

// Reasons to refuse something to be put into a cart.
var (
	ErrQuantity = errors.New("cart: quantity out of range")
	ErrFull     = errors.New("cart: too many lines")
	ErrUnknown  = errors.New("cart: unknown product")
	ErrRetired  = errors.New("cart: retired product")
	ErrMixed    = errors.New("cart: currencies would be mixed")
)

// Line is a product and how many of it. A cart holds no prices: they are the catalogue's at
// the time of looking.
type Line struct {
	ProductID string `json:"productId"`
	Quantity  int64  `json:"quantity"`
}

// Cart is one customer's cart. Its lines are in the order in which they were put in, one per product.
type Cart struct {
	// ID names what is in the cart until it is emptied or ordered, so that an order that was made from it
	// is taken out of it once, and never out of what was put in later.
	ID      string `json:"cartId"`
	Lines   []Line `json:"items"`
	Version int64  `json:"version"`
}

// IDs of the products in the cart.
func (c Cart) IDs() []string {
	ids := make([]string, len(c.Lines))
	for i, l := range c.Lines {
		ids[i] = l.ProductID
	}
	return ids
}

func (c Cart) find(productID string) int {
	return slices.IndexFunc(c.Lines, func(l Line) bool { return l.ProductID == productID })
}

// Put answers the cart with that quantity of the product. products are those that the cart
// holds, as far as they are known. fresh becomes the id of a cart that has none yet.
// Errors: ErrQuantity, ErrRetired, ErrFull, ErrMixed.
func (c Cart) Put(product Product, quantity int64, products map[string]Product, fresh string) (Cart, error) {
	at := c.find(product.ID)
	switch {
	case quantity < 1 || quantity > MaxQuantity:
		return c, ErrQuantity
	case product.Retired:
		return c, ErrRetired
	case at < 0 && len(c.Lines) >= MaxLines:
		return c, ErrFull
	case c.mixes(product, products):
		return c, ErrMixed
	}
	lines := slices.Clone(c.Lines)
	if at < 0 {
		lines = append(lines, Line{product.ID, quantity})
	} else {
		lines[at].Quantity = quantity
	}
	if c.ID == "" {
		c.ID = fresh
	}
	return c.with(lines), nil
}

// Remove answers the cart without the product; fresh becomes its id if that empties it.
func (c Cart) Remove(productID, fresh string) (after Cart, changed bool) {
	if c.find(productID) < 0 {
		return c, false
	}
	after = c.with(slices.DeleteFunc(slices.Clone(c.Lines), func(l Line) bool { return l.ProductID == productID }))
	if len(after.Lines) == 0 {
		after.ID = fresh
	}
	return after, true
}

// Clear answers the empty cart, with fresh as its id.
func (c Cart) Clear(fresh string) (after Cart, changed bool) {
	if len(c.Lines) == 0 {
		return c, false
	}
	after = c.with(nil)
	after.ID = fresh
	return after, true
}

// Ordered answers the cart without what was ordered from it, with fresh as its id. An order
// that was made from what the cart is no longer changes nothing: it was taken out before, or
// the customer has emptied the cart since. What was added after the order stays.
func (c Cart) Ordered(cartID string, lines []Line, fresh string) (after Cart, changed bool) {
	if cartID == "" || cartID != c.ID {
		return c, false
	}
	ordered := map[string]int64{}
	for _, l := range lines {
		ordered[l.ProductID] += max(l.Quantity, 0)
	}
	var left []Line
	for _, l := range c.Lines {
		if l.Quantity -= ordered[l.ProductID]; l.Quantity > 0 {
			left = append(left, l)
		}
	}
	after = c.with(left)
	after.ID = fresh
	return after, true
}

func (c Cart) with(lines []Line) Cart {
	c.Lines = lines
	c.Version++
	return c
}
