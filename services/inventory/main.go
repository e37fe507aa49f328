// Command inventory keeps the stock of every product and what orders hold of it.
package main

import (
	"context"
	"errors"
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
	store := svc.Sidecar.Store("inventory-state")
	announcer := ledger.NewAnnouncer(svc.Sidecar.Publish)
	books := ledger.New(store, announcer, svc.Log, func() time.Time { return time.Now().UTC() })
	sweeper := &ledger.Sweeper{Ledger: books, Grace: svc.Duration("HOLD_GRACE", 30*time.Second), Outcomes: outcomes(svc.Sidecar)}
	server := &api.Server{Ledger: books, KnowsProduct: knowsProduct(svc.Sidecar)}
	server.Routes(svc.Router, subscribe.New(store, svc.Log), auth.FromUser(svc.Sidecar).Administrator)
	svc.Every(svc.Duration("SWEEP_INTERVAL", 5*time.Second), "sweep", sweeper.Sweep)
	svc.Every(announceEvery, "announce", announcer.Flush)
	return svc.Run(ctx)
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
