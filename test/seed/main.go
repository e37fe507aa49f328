// Seed fills the shop with the demo catalogue of catalogue.json, through the public API.
// Running it again changes nothing.
//
// Environment: GATEWAY_URL (http://localhost:8080 if unset), ADMIN_EMAIL, ADMIN_PASSWORD.
package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/sidecart/sidecart/test/client"
)

//go:embed catalogue.json
var data []byte

// article is a product and how many pieces of it the shop begins with.
type article struct {
	Slug string `json:"slug"`
	client.NewProduct
	Stock int64 `json:"stock"`
}

// tally counts what became of the articles.
type tally struct{ created, present, different, stocked atomic.Int64 }

// parallel is how many articles are under way at a time.
const parallel = 8

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Getenv, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "seed:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, getenv func(string) string, stdout io.Writer) error {
	var articles []article
	if err := json.Unmarshal(data, &articles); err != nil {
		return fmt.Errorf("catalogue.json: %w", err)
	}
	address := getenv("GATEWAY_URL")
	if address == "" {
		address = "http://localhost:8080"
	}
	email, password := getenv("ADMIN_EMAIL"), getenv("ADMIN_PASSWORD")
	if email == "" || password == "" {
		return errors.New("ADMIN_EMAIL and ADMIN_PASSWORD must be set")
	}
	admin, err := retry(ctx, client.Temporary, func(ctx context.Context) (client.Client, error) {
		return client.New(address).SignedIn(ctx, email, password)
	})
	if err != nil {
		return fmt.Errorf("sign in: %w", err)
	}
	var count tally
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallel)
	for _, a := range articles {
		group.Go(func() error {
			if err := load(ctx, admin, a, &count); err != nil {
				return fmt.Errorf("%s: %w", a.Slug, err)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	_, err = fmt.Fprintf(stdout, "%d products: %d created, %d already there, %d with other data left alone; stock of %d received\n",
		len(articles), count.created.Load(), count.present.Load(), count.different.Load(), count.stocked.Load())
	return err
}

// load creates one product and receives its stock. Both calls carry the article's keys, so
// whatever was done before is not done again.
func load(ctx context.Context, admin client.Client, a article, count *tally) error {
	status := 0
	product, err := retry(ctx, client.Temporary, func(ctx context.Context) (p client.Product, err error) {
		status, _, err = admin.Do(ctx, client.Request{
			Method: http.MethodPost, Path: "/api/products", Body: a.NewProduct,
			Header: http.Header{"Idempotency-Key": {"seed-" + a.Slug}},
		}, &p)
		return p, err
	})
	var problem *client.Problem
	switch {
	case errors.As(err, &problem) && problem.Code == "idempotency_key_reused":
		count.different.Add(1) // Loaded from another edition of the file: what is in the shop stands.
		return nil
	case err != nil:
		return err
	case status == http.StatusCreated:
		count.created.Add(1)
	default:
		count.present.Add(1)
	}
	if a.Stock == 0 {
		return nil
	}
	_, err = retry(ctx, notYet, func(ctx context.Context) (client.Stock, error) {
		return admin.Receive(ctx, product.ID, "seed-"+a.Slug+"-1", a.Stock)
	})
	if err == nil {
		count.stocked.Add(1)
	}
	return err
}

// notYet holds also for an inventory that has not heard of the product.
func notYet(err error) bool {
	var problem *client.Problem
	return client.Temporary(err) || (errors.As(err, &problem) && problem.Status == http.StatusNotFound)
}
