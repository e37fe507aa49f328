package store

import (
	"context"

	"github.com/sidecart/sidecart/services/internal/money"
	"github.com/sidecart/sidecart/services/internal/state"
)

// Product is what orders need to know of a product, and the data of the catalogue's events.
type Product struct {
	ProductID string      `json:"productId"`
	Version   int64       `json:"version"`
	Name      string      `json:"name"`
	Price     money.Money `json:"price"`
	Retired   bool        `json:"retired"`
}

// Catalogue is the service's own copy of the products, kept by the catalogue's events.
type Catalogue struct {
	store state.Store
	// Ask answers a product that the copy does not hold yet; nil when there is none.
	Ask func(ctx context.Context, id string) (*Product, error)
}

// NewCatalogue keeps the copy in the given store.
func NewCatalogue(store state.Store, ask func(ctx context.Context, id string) (*Product, error)) *Catalogue {
	return &Catalogue{store, ask}
}

func productKey(id string) string { return "product-" + id }

// Apply takes a product over, unless the copy is as new already.
func (c *Catalogue) Apply(ctx context.Context, p Product) error {
	_, err := state.Update(ctx, c.store, productKey(p.ProductID), func(have *Product, exists bool) (bool, error) {
		if exists && have.Version >= p.Version {
			return false, nil
		}
		*have = p
		return true, nil
	})
	return err
}

// Known answers those of the products that the copy holds.
func (c *Catalogue) Known(ctx context.Context, ids []string) (map[string]Product, error) {
	products, err := state.ReadMany[Product](ctx, c.store, ids, productKey)
	known := make(map[string]Product, len(ids))
	for i, product := range products {
		if product.ProductID != "" {
			known[ids[i]] = product
		}
	}
	return known, err
}

// Find answers the products, and asks for those whose event has not come yet, up to the first that does not exist.
func (c *Catalogue) Find(ctx context.Context, ids []string) (map[string]Product, error) {
	known, err := c.Known(ctx, ids)
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		if _, ok := known[id]; ok {
			continue
		}
		product, err := c.Ask(ctx, id)
		if err != nil {
			return nil, err
		}
		if product == nil || product.ProductID != id {
			// An id in another spelling is another id to inventory. With one unknown product there is no order, so the rest is not asked for.
			return known, nil
		}
		if err := c.Apply(ctx, *product); err != nil {
			return nil, err
		}
		known[id] = *product
	}
	return known, nil
}
