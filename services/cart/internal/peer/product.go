// Package peer is the other services that this one asks, through the sidecars.
package peer

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/sidecart/sidecart/services/cart/internal/cart"
	"github.com/sidecart/sidecart/services/internal/dapr"
	"github.com/sidecart/sidecart/services/internal/money"
	"github.com/sidecart/sidecart/services/internal/problem"
)

// patience bounds the wait for an answer.
const patience = 3 * time.Second

// Catalogue is the product service.
type Catalogue struct{ Sidecar *dapr.Client }

// Product implements store.Catalogue.
func (c Catalogue) Product(ctx context.Context, id string) (cart.Product, bool, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var found struct {
		ID      string      `json:"id"`
		Version int64       `json:"version"`
		Name    string      `json:"name"`
		Price   money.Money `json:"price"`
		Retired bool        `json:"retired"`
	}
	err := c.Sidecar.Invoke(ctx, dapr.Call{
		App: "product", Method: http.MethodGet, Path: "/product?id=" + url.QueryEscape(id), Out: &found,
	})
	var refused *problem.Error
	if errors.As(err, &refused) && refused.Code == problem.NotFound {
		return cart.Product{}, false, nil
	}
	if err != nil {
		return cart.Product{}, false, err
	}
	return cart.Product{ID: found.ID, Version: found.Version, Name: found.Name, Price: found.Price, Retired: found.Retired}, true, nil
}
