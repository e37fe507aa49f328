// Command order is the order service: orders as event streams, and the checkout saga.
package main

import (
	"context"
	"io"
	"time"

	"github.com/sidecart/sidecart/services/internal/auth"
	"github.com/sidecart/sidecart/services/internal/serve"
	"github.com/sidecart/sidecart/services/internal/subscribe"
	"github.com/sidecart/sidecart/services/order/internal/api"
	"github.com/sidecart/sidecart/services/order/internal/intake"
	"github.com/sidecart/sidecart/services/order/internal/order"
	"github.com/sidecart/sidecart/services/order/internal/peers"
	"github.com/sidecart/sidecart/services/order/internal/saga"
	"github.com/sidecart/sidecart/services/order/internal/store"
	"github.com/sidecart/sidecart/services/order/internal/sweep"
)

func main() { serve.Main(run) }

// run serves until ctx ends. Beside what serve.New reads: ORDER_DEADLINE (15m) after which an
// unconfirmed order is cancelled, SWEEP_INTERVAL (5s), SWEEP_GRACE (10s).
func run(ctx context.Context, getenv func(string) string, stdout io.Writer) error {
	svc, err := serve.New("order", false, getenv, stdout)
	if err != nil {
		return err
	}
	documents := svc.Sidecar.Store("order-state")
	streams := store.NewStreams(documents)
	catalogue := store.NewCatalogue(documents, peers.AskProduct(svc.Sidecar))
	accept := intake.New(streams, svc.Sidecar.Publish)
	waiters := api.NewWaiters(ctx.Done())
	verifier := auth.FromUser(svc.Sidecar)
	server := &api.Server{
		Streams: streams, Catalogue: catalogue, Intake: accept, Cart: peers.Cart{Invoker: svc.Sidecar}, Verifier: verifier,
		Waiters: waiters, Deadline: svc.Duration("ORDER_DEADLINE", 15*time.Minute), Now: time.Now,
		Saga: &saga.Saga{
			Streams: streams, Stock: peers.Inventory{Invoker: svc.Sidecar}, Payment: peers.Payment{Invoker: svc.Sidecar},
			Publish: svc.Sidecar.Publish, Catalogue: catalogue, Now: time.Now,
			Driven: func(o order.Order) { waiters.Wake(o.OrderID) },
		},
	}
	server.Routes(svc.Router)
	subscribe.New(documents, svc.Log).Mount(svc.Router, verifier.Administrator, server.Topics()...)

	sweeper := &sweep.Sweep{Store: documents, Streams: streams, Intake: accept, Grace: svc.Duration("SWEEP_GRACE", 10*time.Second), Now: time.Now}
	svc.OnStart(sweeper.Run)
	svc.Every(svc.Duration("SWEEP_INTERVAL", 5*time.Second), "sweep of open orders", sweeper.Run)
	return svc.Run(ctx)
}
