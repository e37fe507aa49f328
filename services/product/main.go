// Product is the catalogue: products, prices, categories and full-text search.
package main

import (
	"context"
	"io"
	"time"

	"github.com/sidecart/sidecart/services/internal/auth"
	"github.com/sidecart/sidecart/services/internal/serve"
	"github.com/sidecart/sidecart/services/internal/subscribe"
	"github.com/sidecart/sidecart/services/product/internal/api"
	"github.com/sidecart/sidecart/services/product/internal/catalogue"
	"github.com/sidecart/sidecart/services/product/internal/search"
	"github.com/sidecart/sidecart/services/product/internal/store"
)

func main() { serve.Main(run) }

func run(ctx context.Context, getenv func(string) string, stdout io.Writer) error {
	svc, err := serve.New("product", false, getenv, stdout)
	if err != nil {
		return err
	}
	index, err := search.New()
	if err != nil {
		return err
	}
	documents := svc.Sidecar.Store("product-state")
	products := store.New(documents, svc.Sidecar, time.Now)
	api.New(products, index).Routes(svc.Router, auth.FromUser(svc.Sidecar), subscribe.New(documents, svc.Log))

	svc.OnStart(func(ctx context.Context) error { return fill(ctx, products, index) })
	interval := svc.Duration("SWEEP_INTERVAL", 30*time.Second)
	// What a crash left unpublished goes out at once, later left-overs when they are old enough not to be under way.
	age := time.Duration(0)
	svc.Every(interval, "sweep", func(ctx context.Context) error {
		before := time.Now().Add(-age)
		age = interval / 3
		return products.Sweep(ctx, before, index.Apply)
	})
	return svc.Run(ctx)
}

// fill builds the index from state. It publishes nothing: with the broker away there is a catalogue all the same.
func fill(ctx context.Context, products *store.Products, index *search.Index) error {
	var all []catalogue.Product
	err := products.Sweep(ctx, time.Time{}, func(some []catalogue.Product) error {
		all = append(all, some...)
		return nil
	})
	if err == nil {
		err = index.Apply(all)
	}
	if err == nil {
		index.Complete()
	}
	return err
}
