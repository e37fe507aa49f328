// Package store keeps carts and this service's copy of the catalogue as documents.
package store

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/sidecart/sidecart/services/cart/internal/cart"
	"github.com/sidecart/sidecart/services/internal/state"
)

// Catalogue is whom to ask about a product that no event has told of yet.
type Catalogue interface {
	// Product answers a product and whether there is one. Error: state.ErrUnavailable.
	Product(ctx context.Context, id string) (cart.Product, bool, error)
}

// Products is the copy of the catalogue. Safe for concurrent use, also by several processes.
type Products struct {
	store     state.Store
	catalogue Catalogue
}

// NewProducts keeps the copy in the service's store.
func NewProducts(store state.Store, catalogue Catalogue) *Products {
	return &Products{store, catalogue}
}

func productKey(id string) string { return "product-" + id }

// Keep takes a product into the copy unless the same or a later version of it is there.
func (p *Products) Keep(ctx context.Context, product cart.Product) error {
	_, err := state.Update(ctx, p.store, productKey(product.ID), func(kept *cart.Product, _ bool) (bool, error) {
		if !product.Newer(*kept) {
			return false, nil
		}
		*kept = product
		return true, nil
	})
	return err
}

// Find answers those of the products that exist, by id. What the copy lacks the catalogue is
// asked for, once.
func (p *Products) Find(ctx context.Context, ids []string) (map[string]cart.Product, error) {
	products, err := state.ReadMany[cart.Product](ctx, p.store, ids, productKey)
	if err != nil {
		return nil, err
	}
	found := make(map[string]cart.Product, len(ids))
	for i, product := range products {
		known := product.ID != ""
		if !known {
			if product, known, err = p.ask(ctx, ids[i]); err != nil {
				return nil, err
			}
		}
		if known {
			found[ids[i]] = product
		}
	}
	return found, nil
}

func (p *Products) ask(ctx context.Context, id string) (cart.Product, bool, error) {
	product, exists, err := p.catalogue.Product(ctx, id)
	if err != nil || !exists {
		return product, false, err
	}
	if product.ID != id || !product.Valid() {
		return product, false, fmt.Errorf("%w: the catalogue's answer for %s is not a product", state.ErrUnavailable, id)
	}
	return product, true, p.Keep(ctx, product)
}

// isID tells whether it has the one form that ids have here; no other may become part of a key.
func isID(text string) bool {
	id, err := uuid.Parse(text)
	return err == nil && id.String() == text
}
