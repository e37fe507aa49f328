// Command payment is the service that takes payments: it authorises, captures, voids and
// refunds them at a payment provider.
package main

import (
	"context"
	"fmt"
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

func run(ctx context.Context, getenv func(string) string, stdout io.Writer) error {
	settings, interval, err := configure(getenv)
	if err != nil {
		return err
	}
	svc, err := serve.New("payment", false, getenv, stdout)
	if err != nil {
		return err
	}
	docs := svc.Sidecar.Store("payment-state")
	teller := &cashier.Cashier{
		Payments: store.New(docs), Provider: sandbox.New(), Events: svc.Sidecar,
		Orders: orders.New(svc.Sidecar), Log: svc.Log, Settings: settings,
	}
	webhook := &api.Webhook{}
	server := &api.Server{Cashier: teller, Webhook: webhook, Log: svc.Log}
	server.Routes(svc.Router)
	receiver := subscribe.Receiver{Parked: subscribe.NewParked(docs), Log: svc.Log}
	receiver.Mount(svc.Router, server.Orders())
	receiver.Parked.Routes(svc.Router, auth.FromUser(svc.Sidecar).Administrator)

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
	walk := teller.Payments.Walk()
	svc.Loop(func(ctx context.Context) {
		defer teller.Close()
		teller.SweepEvery(ctx, walk, interval)
	})
	return svc.Run(ctx)
}

// configure reads PROVIDER_BUDGET, PROVIDER_TIMEOUT, CAPTURE_GRACE and SWEEP_INTERVAL, durations such as 300ms.
func configure(getenv func(string) string) (settings cashier.Settings, interval time.Duration, err error) {
	for _, v := range []struct {
		name     string
		standard time.Duration
		to       *time.Duration
	}{
		{"PROVIDER_BUDGET", 300 * time.Millisecond, &settings.Budget},
		{"PROVIDER_TIMEOUT", 5 * time.Second, &settings.Timeout},
		{"CAPTURE_GRACE", 30 * time.Second, &settings.Grace},
		{"SWEEP_INTERVAL", 5 * time.Second, &interval},
	} {
		*v.to = v.standard
		if text := getenv(v.name); text != "" {
			if *v.to, err = time.ParseDuration(text); err != nil || *v.to <= 0 {
				return settings, 0, fmt.Errorf("%s: must be a positive duration such as 5s", v.name)
			}
		}
	}
	return settings, interval, nil
}
