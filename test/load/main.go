// Load places orders in a running shop, as many at a time as asked for, and reports how fast they
// were accepted and completed. Every request carries an idempotency key, so what fails temporarily
// is sent again. It exits 1 unless every order becomes final, as it should, in time.
//
// It speaks to loopback addresses only: it is no tool against other people's shops.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Getenv, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}

// plan is what to do.
type plan struct {
	gateway         string
	orders          int
	concurrency     int
	declined, twice float64
	product         string
	quantity        int64
	customers       int
	wait            time.Duration
	give            time.Duration
}

func parse(args []string, getenv func(string) string) (plan, error) {
	p := plan{gateway: getenv("GATEWAY_URL")}
	if p.gateway == "" {
		p.gateway = "http://localhost:8080"
	}
	flags := flag.NewFlagSet("load", flag.ContinueOnError)
	flags.IntVar(&p.orders, "orders", 1000, "how many orders")
	flags.IntVar(&p.concurrency, "concurrency", 16, "how many at a time")
	flags.Float64Var(&p.declined, "declined", 0.10, "share of orders whose card is declined")
	flags.Float64Var(&p.twice, "twice", 0.05, "share of orders that are sent twice, in parallel")
	flags.StringVar(&p.product, "product", "", "order only this product; else mixed ones")
	flags.Int64Var(&p.quantity, "quantity", 1, "how many of each product")
	flags.IntVar(&p.customers, "customers", 4, "how many customers share the orders")
	flags.DurationVar(&p.wait, "wait", time.Minute, "how long orders may take to become final, after the last was accepted")
	flags.DurationVar(&p.give, "retry", time.Minute, "how long one request is tried while it fails temporarily")
	if err := flags.Parse(args); err != nil {
		return p, err
	}
	switch {
	case p.orders < 1 || p.orders > 100_000:
		return p, errors.New("-orders must be 1 to 100000")
	case p.concurrency < 1 || p.concurrency > 1000:
		return p, errors.New("-concurrency must be 1 to 1000")
	case p.customers < 1 || p.customers > 100:
		return p, errors.New("-customers must be 1 to 100")
	case p.declined < 0 || p.declined > 1 || p.twice < 0 || p.twice > 1:
		return p, errors.New("-declined and -twice must be 0 to 1")
	case p.quantity < 1 || p.quantity > 999:
		return p, errors.New("-quantity must be 1 to 999")
	}
	return p, loopback(p.gateway)
}

// loopback refuses every host but this one.
func loopback(address string) error {
	at, err := url.Parse(address)
	if err != nil {
		return fmt.Errorf("GATEWAY_URL: %w", err)
	}
	if host := at.Hostname(); host != "localhost" && !net.ParseIP(host).IsLoopback() {
		return fmt.Errorf("GATEWAY_URL: %q is not this machine", host)
	}
	return nil
}

func run(ctx context.Context, args []string, getenv func(string) string, stdout io.Writer) error {
	p, err := parse(args, getenv)
	if err != nil {
		return err
	}
	r := &runner{plan: p}
	if err := r.prepare(ctx); err != nil {
		return err
	}
	fmt.Fprintf(stdout, "%d orders, %d at a time, %.0f %% declined, %.0f %% sent twice, %d products\n",
		p.orders, p.concurrency, 100*p.declined, 100*p.twice, len(r.products))
	orders, err := r.place(ctx)
	if err != nil {
		return err
	}
	r.await(ctx, orders)
	return report(stdout, orders)
}
