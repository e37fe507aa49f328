// Command cart is the service that owns what customers mean to order.
package main

import (
	"context"
	"io"

	"github.com/sidecart/sidecart/services/cart/internal/api"
	"github.com/sidecart/sidecart/services/cart/internal/peer"
	"github.com/sidecart/sidecart/services/cart/internal/store"
	"github.com/sidecart/sidecart/services/internal/auth"
	"github.com/sidecart/sidecart/services/internal/serve"
	"github.com/sidecart/sidecart/services/internal/subscribe"
)

func main() { serve.Main(run) }

func run(ctx context.Context, getenv func(string) string, stdout io.Writer) error {
	svc, err := serve.New("cart", false, getenv, stdout)
	if err != nil {
		return err
	}
	documents := svc.Sidecar.Store("cart-state")
	products := store.NewProducts(documents, peer.Catalogue{Sidecar: svc.Sidecar})
	server := &api.Server{
		Carts: store.NewCarts(documents, products), Products: products, Verifier: auth.FromUser(svc.Sidecar),
		Receiver: subscribe.New(documents, svc.Log),
	}
	server.Routes(svc.Router)
	return svc.Run(ctx)
}
