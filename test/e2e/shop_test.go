// Package e2e tries the whole shop on real sidecars and a real Redis, through its public API,
// with a hand on every process. Each test ends with the checker.
package e2e

import (
	"context"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/sidecart/sidecart/test/client"
	"github.com/sidecart/sidecart/test/stack"
)

// shop is the running system as a test sees it; all tests share one, one after the other.
type shop struct {
	*stack.Stack
	api   client.Client
	admin client.Client
}

var running *shop

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) (code int) {
	ctx, cancel := context.WithTimeout(context.Background(), 8*time.Minute)
	defer cancel()
	s, err := stack.Launch(ctx, stack.Options{})
	if err != nil {
		return fail(err)
	}
	running = &shop{Stack: s, api: client.New(s.GatewayURL())}
	running.admin, err = running.api.SignedIn(ctx, s.Secret("admin-email"), s.Secret("admin-password"))
	if err != nil {
		return fail(err, s.Stop())
	}
	code = m.Run()
	if code != 0 {
		fmt.Println(s.Tails(15))
	}
	if err := s.Stop(); err != nil {
		return fail(err)
	}
	return code
}

func fail(errs ...error) int {
	for _, err := range errs {
		if err != nil {
			fmt.Fprintln(os.Stderr, "e2e:", err)
		}
	}
	return 1
}

// within bounds a test's calls.
func within(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// customer registers somebody new.
func (s *shop) customer(t *testing.T) client.Client {
	c, _, err := s.api.NewCustomer(within(t, 30*time.Second), "c-"+uuid.NewString()+"@shop.test", "a long password", "Customer")
	require.NoError(t, err)
	return c
}

// product creates a product with so many in stock.
func (s *shop) product(t *testing.T, price, stock int64) client.Product {
	ctx := within(t, 30*time.Second)
	p, err := s.admin.CreateProduct(ctx, "", client.NewProduct{
		Name: "Thing " + uuid.NewString(), Description: "A thing.", Category: "things", Price: client.Money{Amount: price, Currency: "EUR"},
	})
	require.NoError(t, err)
	if stock > 0 {
		got, err := s.admin.Receive(ctx, p.ID, "first", stock)
		require.NoError(t, err)
		require.Equal(t, stock, got.OnHand)
	}
	return p
}

func purchase(token string, items ...client.Item) client.Purchase {
	return client.Purchase{Items: items, PaymentToken: token, ShippingAddress: client.Address{
		Name: "A Customer", Street: "Main Street 1", City: "Town", PostalCode: "12345", Country: "DE",
	}}
}

func one(p client.Product, quantity int64) client.Item {
	return client.Item{ProductID: p.ID, Quantity: quantity}
}

// buy places an order and waits until it is final.
func (s *shop) buy(t *testing.T, c client.Client, token string, items ...client.Item) client.Order {
	ctx := within(t, 60*time.Second)
	placed, err := client.Retry(ctx, func(ctx context.Context) (client.Order, error) {
		return c.PlaceOrder(ctx, uuid.NewString(), purchase(token, items...), 0)
	})
	require.NoError(t, err)
	final, err := c.WaitFinal(ctx, placed.ID)
	require.NoError(t, err)
	return final
}

// stock answers what inventory says of a product.
func (s *shop) stock(t *testing.T, p client.Product) client.Stock {
	stock, err := client.Retry(within(t, 30*time.Second), func(ctx context.Context) (client.Stock, error) { return s.admin.Stock(ctx, p.ID) })
	require.NoError(t, err)
	return stock
}

// checkBooks runs the checker, as `make audit` does.
func (s *shop) checkBooks(t *testing.T) {
	out, err := s.Program(within(t, 3*time.Minute), "audit", "-quiet", "1s")
	require.NoError(t, err, out)
}

// crowd does something so many times, some at a time.
func crowd(times, atATime int, do func(i int)) {
	var wg sync.WaitGroup
	next := make(chan int)
	for range atATime {
		wg.Go(func() {
			for i := range next {
				do(i)
			}
		})
	}
	for i := range times {
		next <- i
	}
	close(next)
	wg.Wait()
}
