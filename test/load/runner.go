package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/sidecart/sidecart/test/client"
)

// order is one intent of a customer and what became of it.
type order struct {
	customer client.Client
	key      string
	purchase client.Purchase
	twice    bool

	sent, accepted, final time.Time
	id                    string
	last                  client.Order
	err                   error
}

// runner is one run of the plan.
type runner struct {
	plan
	customers []client.Client
	products  []client.Product
}

// prepare registers the customers and chooses the products.
func (r *runner) prepare(ctx context.Context) error {
	shop := client.New(r.gateway)
	for range r.plan.customers {
		customer, _, err := shop.NewCustomer(ctx, "load-"+uuid.NewString()+"@sidecart.test", uuid.NewString(), "Lou Load")
		if err != nil {
			return fmt.Errorf("register a customer: %w", err)
		}
		r.customers = append(r.customers, customer)
	}
	if r.product != "" {
		p, err := shop.Product(ctx, r.product)
		r.products = []client.Product{p}
		return err
	}
	all, err := shop.AllProducts(ctx)
	if err != nil {
		return fmt.Errorf("catalogue: %w", err)
	}
	for _, p := range all {
		if p.Availability.InStock {
			r.products = append(r.products, p)
		}
	}
	if len(r.products) == 0 {
		return errors.New("no product is in stock; is the demo catalogue loaded?")
	}
	return nil
}

// chosen marks so large a share of n at random, but exactly.
func chosen(n int, share float64) []bool {
	marks := make([]bool, n)
	for _, i := range rand.Perm(n)[:int(float64(n)*share+0.5)] {
		marks[i] = true
	}
	return marks
}

func (r *runner) newOrder(customer client.Client, declined, twice bool) *order {
	token := "tok_ok"
	if declined {
		token = "tok_declined"
	}
	lines := 1 + rand.IntN(min(3, len(r.products)))
	o := &order{customer: customer, key: uuid.NewString(), twice: twice}
	o.purchase = client.Purchase{PaymentToken: token, ShippingAddress: client.Address{
		Name: "Lou Load", Street: "1 Sidecar Lane", City: "Berlin", PostalCode: "10115", Country: "DE",
	}}
	first := rand.IntN(len(r.products))
	for n := range lines {
		p := r.products[(first+n)%len(r.products)]
		if n > 0 && p.Price.Currency != r.products[first].Price.Currency {
			break // one order, one currency
		}
		o.purchase.Items = append(o.purchase.Items, client.Item{ProductID: p.ID, Quantity: r.quantity})
	}
	return o
}

// place sends all orders; each must be accepted.
func (r *runner) place(ctx context.Context) ([]*order, error) {
	orders := make([]*order, r.orders)
	declined, twice := chosen(r.orders, r.declined), chosen(r.orders, r.twice)
	work := make(chan int)
	var workers sync.WaitGroup
	for range r.concurrency {
		workers.Go(func() {
			for i := range work {
				orders[i].send(ctx, r.give)
			}
		})
	}
	for i := range orders {
		orders[i] = r.newOrder(r.customers[i%len(r.customers)], declined[i], twice[i])
		work <- i
	}
	close(work)
	workers.Wait()
	for _, o := range orders {
		if o.err != nil {
			return nil, fmt.Errorf("an order was not accepted: %w", o.err)
		}
	}
	return orders, nil
}

// send places the order, sent twice at once if it is one of those.
func (o *order) send(ctx context.Context, give time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, give)
	defer cancel()
	place := func() (client.Order, error) {
		return client.Retry(ctx, func(ctx context.Context) (client.Order, error) {
			return o.customer.PlaceOrder(ctx, o.key, o.purchase, 0)
		})
	}
	o.sent = time.Now()
	var again client.Order
	var errAgain error
	var second sync.WaitGroup
	if o.twice {
		second.Go(func() { again, errAgain = place() })
	}
	o.last, o.err = place()
	o.accepted = time.Now()
	o.id = o.last.ID
	second.Wait()
	if o.twice {
		o.err = errors.Join(o.err, errAgain)
		if o.err == nil && again.ID != o.id {
			o.err = fmt.Errorf("one request sent twice gave the orders %s and %s", o.id, again.ID)
		}
	}
}

// await asks for each order until it is final, as many at a time as it sent them. When an order
// became final is its own last change, by the shop's clock, which is this machine's.
func (r *runner) await(ctx context.Context, orders []*order) {
	ctx, cancel := context.WithTimeout(ctx, r.wait)
	defer cancel()
	work := make(chan *order)
	var workers sync.WaitGroup
	for range r.concurrency {
		workers.Go(func() {
			for o := range work {
				if o.last, o.err = o.customer.WaitFinal(ctx, o.id); o.err == nil {
					o.final = o.last.UpdatedAt
				}
			}
		})
	}
	for _, o := range orders {
		work <- o
	}
	close(work)
	workers.Wait()
}
