// Command payment is the service that takes payments: it authorises, captures, voids and
// refunds them at a payment provider.
package main

import (
	"context"
	"io"
	"time"

	"github.com/sidecart/sidecart/services/internal/auth"
	"github.com/sidecart/sidecart/services/internal/serve"
	"github.com/sidecart/sidecart/services/internal/subscribe"
	"github.com/sidecart/sidecart/services/payment/internal/api"
	"github.com/sidecart/sidecart/services/payment/internal/cashier"
	"github.com/sidecart/sidecart/services/payment/internal/orders"
	"github.com/sidecart/sidecart/services/payment/internal/sandbox"
	"github.com/sidecart/sidecart/services/payment/internal/store"
)

func main() { serve.Main(run) }

// run serves until ctx ends. Beside what serve.New reads: PROVIDER_BUDGET (300ms), PROVIDER_TIMEOUT (5s), CAPTURE_GRACE (30s), SWEEP_INTERVAL (5s).
func run(ctx context.Context, getenv func(string) string, stdout io.Writer) error {
	svc, err := serve.New("payment", false, getenv, stdout)
	if err != nil {
		return err
	}
	docs := svc.Sidecar.Store("payment-state")
	teller := &cashier.Cashier{
		Payments: store.New(docs), Provider: sandbox.New(), Events: svc.Sidecar,
		Orders: orders.New(svc.Sidecar), Log: svc.Log,
		Settings: cashier.Settings{
			Budget:  svc.Duration("PROVIDER_BUDGET", 300*time.Millisecond),
			Timeout: svc.Duration("PROVIDER_TIMEOUT", 5*time.Second),
			Grace:   svc.Duration("CAPTURE_GRACE", 30*time.Second),
		},
	}
	webhook := &api.Webhook{}
	server := &api.Server{Cashier: teller, Webhook: webhook, Log: svc.Log}
	server.Routes(svc.Router)
	subscribe.New(docs, svc.Log).Mount(svc.Router, auth.FromUser(svc.Sidecar).Administrator, server.Orders())

	svc.OnStart(func(ctx context.Context) error {
		secret, err := svc.Sidecar.Secret(ctx, "payment-webhook-secret")
		if err == nil {
			err = webhook.Use(secret)
		}
		if err != nil {
			svc.Log.WarnContext(ctx, "no webhook secret yet, trying again", "error", err)
		}
		return err
	})
	walk, interval := teller.Payments.Walk(), svc.Duration("SWEEP_INTERVAL", 5*time.Second)
	svc.Loop(func(ctx context.Context) {
		defer teller.Close()
		teller.SweepEvery(ctx, walk, interval)
	})
	return svc.Run(ctx)
}
