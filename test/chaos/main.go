// Command chaos runs a shop of its own, puts it under orders, and kills what takes part in the
// checkout with kill -9, one after the other; then the checker must find every order final and
// all books right. It ends with more orders for one product than there are pieces of it.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/google/uuid"

	"github.com/sidecart/sidecart/test/client"
	"github.com/sidecart/sidecart/test/stack"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	orders := flag.Int("orders", 1000, "orders while services are killed")
	recovery := flag.Duration("recovery", 30*time.Second, "how long after the last restart every order must be final")
	flag.Parse()
	if err := run(ctx, *orders, *recovery); err != nil {
		fmt.Fprintln(os.Stderr, "chaos:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, orders int, recovery time.Duration) (err error) {
	fmt.Println("Building and starting a shop of its own")
	s, err := stack.Launch(ctx, stack.Options{})
	if err != nil {
		return err
	}
	defer func() {
		if stopErr := s.Stop(); err == nil {
			err = stopErr
		}
	}()
	if err := show(s.Program(ctx, "seed")); err != nil {
		return err
	}
	if err := killings(ctx, s, orders, recovery); err != nil {
		return err
	}
	if err := show(s.Program(ctx, "audit")); err != nil {
		return err
	}
	if err := rush(ctx, s); err != nil {
		return err
	}
	return show(s.Program(ctx, "audit"))
}

func show(output string, err error) error {
	fmt.Print(output)
	return err
}

// killings ends each of three services and its sidecar, one after the other, while orders come in.
func killings(ctx context.Context, s *stack.Stack, orders int, recovery time.Duration) error {
	type ended struct {
		output string
		err    error
		at     time.Time
	}
	load := make(chan ended, 1)
	go func() {
		output, err := s.Program(ctx, "load", "-orders", strconv.Itoa(orders), "-concurrency", "16", "-declined", "0.10", "-twice", "0.05")
		load <- ended{output, err, time.Now()}
	}()
	start := time.Now()
	pause := time.NewTicker(2 * time.Second)
	defer pause.Stop()
	var last time.Time
	for _, app := range []string{"order", "inventory", "payment"} {
		for _, victim := range []struct {
			name        string
			kill, start func(string) error
		}{{"service", s.Kill9, s.StartApp}, {"sidecar", s.Kill9Sidecar, s.StartSidecar}} {
			<-pause.C
			if err := victim.kill(app); err != nil {
				return err
			}
			if err := victim.start(app); err != nil {
				return err
			}
			last = time.Now()
			fmt.Printf("%5.1f s  kill -9 of %s's %s, started again\n", last.Sub(start).Seconds(), app, victim.name)
		}
	}
	end := <-load
	if err := show(end.output, end.err); err != nil {
		return err
	}
	after := end.at.Sub(last)
	fmt.Printf("%5.1f s  all orders are accepted and final, %.1f s after the last restart\n", end.at.Sub(start).Seconds(), after.Seconds())
	if after > recovery {
		return fmt.Errorf("that is more than %s", recovery)
	}
	return nil
}

// rush has 300 orders at once want one of 100 pieces each.
func rush(ctx context.Context, s *stack.Stack) error {
	admin, err := client.New(s.GatewayURL()).SignedIn(ctx, s.Secret("admin-email"), s.Secret("admin-password"))
	if err != nil {
		return err
	}
	product, err := admin.CreateProduct(ctx, "", client.NewProduct{
		Name: "The last hundred " + uuid.NewString(), Description: "Soon gone.", Category: "rush", Price: client.Money{Amount: 999, Currency: "EUR"},
	})
	if err != nil {
		return err
	}
	if _, err := admin.Receive(ctx, product.ID, "first", 100); err != nil {
		return err
	}
	fmt.Println("300 orders at once for 100 pieces")
	output, err := s.Program(ctx, "load", "-orders", "300", "-concurrency", "300", "-declined", "0", "-twice", "0", "-product", product.ID)
	if err := show(output, err); err != nil {
		return err
	}
	if !strings.Contains(output, " 100 confirmed\n") {
		return fmt.Errorf("not exactly 100 were confirmed")
	}
	return nil
}
