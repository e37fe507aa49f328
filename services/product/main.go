// Product is the catalogue: products, prices, categories and full-text search.
package main

import (
	"context"
	"errors"
	"fmt"
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
	interval, err := sweepInterval(getenv("SWEEP_INTERVAL"))
	if err != nil {
		return err
	}
	index, err := search.New()
	if err != nil {
		return err
	}
	documents := svc.Sidecar.Store("product-state")
	products := store.New(documents, svc.Sidecar, time.Now)
	receiver := &subscribe.Receiver{Parked: subscribe.NewParked(documents), Log: svc.Log}
	api.New(products, index).Routes(svc.Router, auth.FromUser(svc.Sidecar), receiver)

	svc.OnStart(func(ctx context.Context) error { return fill(ctx, products, index) })
	// What a crash left unpublished goes out at once, later left-overs when they are old enough not to be under way.
	svc.Loop(func(ctx context.Context) {
		if err := products.Sweep(ctx, time.Now(), index.Apply); err != nil && ctx.Err() == nil {
			svc.Log.WarnContext(ctx, "left-over events are not published yet", "error", err)
		}
	})
	svc.Every(interval, "sweep", func(ctx context.Context) error {
		return products.Sweep(ctx, time.Now().Add(-interval/3), index.Apply)
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

// sweepInterval is how often all products are read to find unpublished events; 30 s unless given.
func sweepInterval(text string) (time.Duration, error) {
	if text == "" {
		return 30 * time.Second, nil
	}
	interval, err := time.ParseDuration(text)
	if err == nil && interval <= 0 {
		err = errors.New("must be positive")
	}
	if err != nil {
		return 0, fmt.Errorf("SWEEP_INTERVAL: %w", err)
	}
	return interval, nil
}
