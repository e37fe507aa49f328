// Command orderquery is the read side of orders: each customer's history and the day's sales.
package main

import (
	"context"
	"io"

	"github.com/sidecart/sidecart/services/internal/auth"
	"github.com/sidecart/sidecart/services/internal/serve"
	"github.com/sidecart/sidecart/services/internal/subscribe"
	"github.com/sidecart/sidecart/services/orderquery/internal/api"
	"github.com/sidecart/sidecart/services/orderquery/internal/store"
	"github.com/sidecart/sidecart/services/orderquery/internal/streams"
)

func main() { serve.Main(run) }

func run(ctx context.Context, getenv func(string) string, stdout io.Writer) error {
	svc, err := serve.New("orderquery", false, getenv, stdout)
	if err != nil {
		return err
	}
	docs := svc.Sidecar.Store("orderquery-state")
	verifier := auth.FromUser(svc.Sidecar)
	server := &api.Server{Orders: store.NewOrders(docs), Streams: streams.Source{Sidecar: svc.Sidecar}}
	server.Routes(svc.Router, verifier)
	subscribe.New(docs, svc.Log).Mount(svc.Router, verifier.Administrator, server.Topics()...)
	return svc.Run(ctx)
}
