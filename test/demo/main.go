// Demo buys from a running shop as a new customer and shows what happens: a purchase with every
// event of its order and the message that announces it; a declined card, after which the stock is
// back; the same request sent twice at once, which gives one order. It exits 1 when anything is
// not as it should be.
//
// GATEWAY_URL names the shop. With ADMIN_EMAIL and ADMIN_PASSWORD, or the local secrets of a
// checkout, the stock is read exactly; otherwise the catalogue's availability has to do.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/google/uuid"

	"github.com/sidecart/sidecart/test/client"
	"github.com/sidecart/sidecart/test/stack/manifest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	err := run(ctx, os.Getenv, os.Stdout)
	cancel()
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, getenv func(string) string, stdout io.Writer) error {
	base := getenv("GATEWAY_URL")
	if base == "" {
		base = "http://localhost:8080"
	}
	d := &demo{out: stdout, visitor: client.New(base)}
	if err := d.enter(ctx); err != nil {
		return err
	}
	if err := d.knowStock(ctx, getenv); err != nil {
		return err
	}
	for _, scene := range []func(context.Context) error{d.purchase, d.declinedCard, d.sameRequestTwice} {
		if err := scene(ctx); err != nil {
			return err
		}
	}
	d.say("\nAll as it should be.")
	return nil
}

// demo is one customer's visit.
type demo struct {
	out      io.Writer
	visitor  client.Client
	customer client.Client
	products []client.Product
	orders   []string
	// stock tells how many of a product can be sold now.
	stock func(ctx context.Context, productID string) (int64, error)
}

func (d *demo) say(format string, args ...any) { fmt.Fprintf(d.out, format+"\n", args...) }

// enter registers a customer and looks at the shelves.
func (d *demo) enter(ctx context.Context) error {
	email := "demo-" + uuid.NewString() + "@sidecart.test"
	customer, user, err := d.visitor.NewCustomer(ctx, email, uuid.NewString(), "Dana Demo")
	if err != nil {
		return fmt.Errorf("register and sign in: %w", err)
	}
	d.customer = customer
	d.say("Customer %s is registered and signed in.", user.ID)
	all, err := d.visitor.AllProducts(ctx)
	if err != nil {
		return fmt.Errorf("catalogue: %w", err)
	}
	for _, p := range all {
		if p.Availability.Available >= 10 {
			d.products = append(d.products, p)
		}
	}
	d.say("The catalogue has %d products, %d of them well in stock.", len(all), len(d.products))
	if len(d.products) < 3 {
		return fmt.Errorf("three products with 10 in stock are needed; is the demo catalogue loaded?")
	}
	return nil
}

// knowStock chooses how stock is seen.
func (d *demo) knowStock(ctx context.Context, getenv func(string) string) error {
	email, password := getenv("ADMIN_EMAIL"), getenv("ADMIN_PASSWORD")
	if email == "" || password == "" {
		email, password = localAdmin()
	}
	if email == "" {
		d.stock = func(ctx context.Context, id string) (int64, error) {
			p, err := d.visitor.Product(ctx, id)
			return p.Availability.Available, err
		}
		return nil
	}
	admin, err := d.visitor.SignedIn(ctx, email, password)
	if err != nil {
		return fmt.Errorf("sign in as the administrator: %w", err)
	}
	d.stock = func(ctx context.Context, id string) (int64, error) {
		s, err := admin.Stock(ctx, id)
		return s.Available, err
	}
	return nil
}

// localAdmin reads the administrator's account of a local checkout, if there is one.
func localAdmin() (email, password string) {
	m, err := manifest.Find(".")
	if err != nil {
		return "", ""
	}
	text, err := os.ReadFile(filepath.Join(m.Root, ".sidecart", "secrets.json"))
	if err != nil {
		return "", ""
	}
	var secrets map[string]string
	if json.Unmarshal(text, &secrets) != nil {
		return "", ""
	}
	return secrets["admin-email"], secrets["admin-password"]
}
