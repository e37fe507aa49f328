package store

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/sidecart/sidecart/services/cart/internal/cart"
	"github.com/sidecart/sidecart/services/internal/money"
	"github.com/sidecart/sidecart/services/internal/state"
)

// lifetime of a cart that is not changed.
const lifetime = 30 * 24 * time.Hour

// Carts keeps each customer's cart as one document. Safe for concurrent use, also by several processes.
type Carts struct {
	store    state.Store
	products *Products
}

// NewCarts keeps carts in the service's store, priced from the copy of the catalogue.
func NewCarts(store state.Store, products *Products) *Carts { return &Carts{store, products} }

// View is a cart as it is shown, with names and prices of now.
type View struct {
	CartID string        `json:"cartId"`
	Items  []cart.Priced `json:"items"`
	// Total is nil when there is none, see cart.Price.
	Total *money.Money `json:"total,omitempty"`
}

func cartKey(customer string) string { return "cart-" + customer }

// Get shows a customer's cart. Error: state.ErrUnavailable, as of all methods.
func (c *Carts) Get(ctx context.Context, customer string) (View, error) {
	doc, _, err := state.Read[cart.Cart](ctx, c.store, cartKey(customer))
	if err != nil {
		return View{}, err
	}
	return c.view(ctx, customer, doc)
}

// Put sets the quantity of a product. Errors: those of cart.Put, and cart.ErrUnknown.
func (c *Carts) Put(ctx context.Context, customer, productID string, quantity int64) (View, error) {
	if !isID(productID) {
		return View{}, cart.ErrUnknown
	}
	fresh := uuid.NewString()
	var products map[string]cart.Product
	doc, err := state.UpdateTTL(ctx, c.store, cartKey(customer), lifetime, func(doc *cart.Cart, _ bool) (bool, error) {
		var err error
		// One read for the new product and those that it must fit with.
		if products, err = c.products.Find(ctx, unique(append(doc.IDs(), productID))); err != nil {
			return false, err
		}
		product, exists := products[productID]
		if !exists {
			return false, cart.ErrUnknown
		}
		*doc, err = doc.Put(product, quantity, products, fresh)
		return err == nil, err
	})
	if err != nil {
		return View{}, err
	}
	return show(customer, doc, products)
}

// Remove takes a product out.
func (c *Carts) Remove(ctx context.Context, customer, productID string) (View, error) {
	fresh := uuid.NewString()
	return c.change(ctx, customer, func(doc cart.Cart) (cart.Cart, bool) { return doc.Remove(productID, fresh) })
}

// Clear empties the cart.
func (c *Carts) Clear(ctx context.Context, customer string) (View, error) {
	fresh := uuid.NewString()
	return c.change(ctx, customer, func(doc cart.Cart) (cart.Cart, bool) { return doc.Clear(fresh) })
}

// Ordered takes out what was ordered. The cart's new id is written with it, so that doing it again changes nothing.
func (c *Carts) Ordered(ctx context.Context, customer, cartID string, lines []cart.Line) error {
	fresh := uuid.NewString()
	_, err := c.update(ctx, customer, func(doc cart.Cart) (cart.Cart, bool) { return doc.Ordered(cartID, lines, fresh) })
	return err
}

func (c *Carts) change(ctx context.Context, customer string, change func(cart.Cart) (cart.Cart, bool)) (View, error) {
	doc, err := c.update(ctx, customer, change)
	if err != nil {
		return View{}, err
	}
	return c.view(ctx, customer, doc)
}

func (c *Carts) update(ctx context.Context, customer string, change func(cart.Cart) (cart.Cart, bool)) (cart.Cart, error) {
	return state.UpdateTTL(ctx, c.store, cartKey(customer), lifetime, func(doc *cart.Cart, _ bool) (bool, error) {
		var changed bool
		*doc, changed = change(*doc)
		return changed, nil
	})
}

func (c *Carts) view(ctx context.Context, customer string, doc cart.Cart) (View, error) {
	products, err := c.products.Find(ctx, doc.IDs())
	if err != nil {
		return View{}, err
	}
	return show(customer, doc, products)
}

func show(customer string, doc cart.Cart, products map[string]cart.Product) (View, error) {
	items, total, err := doc.Price(products)
	if doc.ID == "" {
		// Nothing was ever put in, so nothing can be ordered from it: the id only has to be the same each time.
		doc.ID = uuid.NewSHA1(uuid.NameSpaceURL, []byte("cart/"+customer)).String()
	}
	return View{doc.ID, items, total}, err
}

func unique(ids []string) []string {
	seen := make(map[string]bool, len(ids))
	var out []string
	for _, id := range ids {
		if !seen[id] {
			seen[id] = true
			out = append(out, id)
		}
	}
	return out
}
