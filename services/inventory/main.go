// Command inventory keeps the stock of every product and what orders hold of it.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/sidecart/sidecart/services/internal/auth"
	"github.com/sidecart/sidecart/services/internal/dapr"
	"github.com/sidecart/sidecart/services/internal/problem"
	"github.com/sidecart/sidecart/services/internal/serve"
	"github.com/sidecart/sidecart/services/internal/subscribe"
	"github.com/sidecart/sidecart/services/inventory/internal/api"
	"github.com/sidecart/sidecart/services/inventory/internal/ledger"
)

// announceEvery bounds how often a product's changes are told.
const announceEvery = 500 * time.Millisecond

// callTimeout bounds a question to another service.
const callTimeout = 5 * time.Second

func main() { serve.Main(run) }

func run(ctx context.Context, getenv func(string) string, stdout io.Writer) error {
	svc, err := serve.New(ledger.Source, false, getenv, stdout)
	if err != nil {
		return err
	}
	interval, err := duration(getenv, "SWEEP_INTERVAL", 5*time.Second)
	if err != nil {
		return err
	}
	grace, err := duration(getenv, "HOLD_GRACE", 30*time.Second)
	if err != nil {
		return err
	}
	store := svc.Sidecar.Store("inventory-state")
	announcer := ledger.NewAnnouncer(svc.Sidecar.Publish)
	books := ledger.New(store, announcer, svc.Log, func() time.Time { return time.Now().UTC() })
	sweeper := &ledger.Sweeper{Ledger: books, Grace: grace, Outcomes: outcomes(svc.Sidecar)}
	server := &api.Server{Ledger: books, KnowsProduct: knowsProduct(svc.Sidecar)}
	receiver := &subscribe.Receiver{Parked: subscribe.NewParked(store), Log: svc.Log}
	server.Routes(svc.Router, receiver, auth.FromUser(svc.Sidecar).Administrator)
	svc.Loop(func(ctx context.Context) {
		// What the last process left is not waited for.
		if err := sweeper.Sweep(ctx); err != nil && ctx.Err() == nil {
			svc.Log.WarnContext(ctx, "first sweep failed, it is tried again", "error", err)
		}
	})
	svc.Every(interval, "sweep", sweeper.Sweep)
	svc.Every(announceEvery, "announce", announcer.Flush)
	return svc.Run(ctx)
}

func duration(getenv func(string) string, name string, standard time.Duration) (time.Duration, error) {
	text := getenv(name)
	if text == "" {
		return standard, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		return 0, fmt.Errorf("%s: %q is not a duration above 0, such as 5s", name, text)
	}
	return d, nil
}

// outcomes asks the order service what has become of orders.
func outcomes(sidecar *dapr.Client) func(context.Context, []string) (map[string]ledger.Outcome, error) {
	return func(ctx context.Context, ids []string) (map[string]ledger.Outcome, error) {
		ctx, cancel := context.WithTimeout(ctx, callTimeout)
		defer cancel()
		var answer struct {
			Outcomes []struct {
				OrderID string         `json:"orderId"`
				Outcome ledger.Outcome `json:"outcome"`
			} `json:"outcomes"`
		}
		call := dapr.Call{App: "order", Method: http.MethodPost, Path: "/orders/outcomes", In: map[string][]string{"orderIds": ids}, Out: &answer}
		err := sidecar.Invoke(ctx, call)
		told := make(map[string]ledger.Outcome, len(ids))
		for _, o := range answer.Outcomes {
			told[o.OrderID] = o.Outcome
		}
		return told, err
	}
}

// knowsProduct asks the product service whether a product exists.
func knowsProduct(sidecar *dapr.Client) func(context.Context, string) (bool, error) {
	return func(ctx context.Context, id string) (bool, error) {
		ctx, cancel := context.WithTimeout(ctx, callTimeout)
		defer cancel()
		var product struct {
			ID string `json:"id"`
		}
		err := sidecar.Invoke(ctx, dapr.Call{App: "product", Method: http.MethodGet, Path: "/product?id=" + url.QueryEscape(id), Out: &product})
		if refused := (*problem.Error)(nil); errors.As(err, &refused) && refused.Code == problem.NotFound {
			return false, nil
		}
		return product.ID == id, err
	}
}
