package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/sidecart/sidecart/test/client"
)

// patience is how long anything that happens behind the scenes may take.
const patience = 20 * time.Second

func basket(token string, items ...client.Item) client.Purchase {
	return client.Purchase{Items: items, PaymentToken: token, ShippingAddress: client.Address{
		Name: "Dana Demo", Street: "1 Sidecar Lane", City: "Berlin", PostalCode: "10115", Country: "DE",
	}}
}

// purchase: accepted, stock held, payment authorised, confirmed, announced.
func (d *demo) purchase(ctx context.Context) error {
	a, b := d.products[0], d.products[1]
	d.say("\n1. A purchase: 2 × %s at %s, 1 × %s at %s", a.Name, a.Price, b.Name, b.Price)
	order, err := d.order(ctx, uuid.NewString(), basket("tok_ok", client.Item{ProductID: a.ID, Quantity: 2}, client.Item{ProductID: b.ID, Quantity: 1}))
	if err != nil {
		return err
	}
	if err := d.history(ctx, order, "order.submitted", "order.stock_reserved", "order.payment_authorised", "order.confirmed"); err != nil {
		return err
	}
	if order.Status != client.Confirmed || order.Total.Amount != 2*a.Price.Amount+b.Price.Amount {
		return fmt.Errorf("the order is %s for %s", order.Status, order.Total)
	}
	return d.announced(ctx, order, "order_confirmed")
}

// declinedCard: cancelled, and the stock that was held can be bought again.
func (d *demo) declinedCard(ctx context.Context) error {
	p := d.products[2]
	before, err := d.stock(ctx, p.ID)
	if err != nil {
		return fmt.Errorf("stock: %w", err)
	}
	d.say("\n2. A declined card: 3 × %s, of which %d can be bought", p.Name, before)
	order, err := d.order(ctx, uuid.NewString(), basket("tok_declined", client.Item{ProductID: p.ID, Quantity: 3}))
	if err != nil {
		return err
	}
	if err := d.history(ctx, order, "order.submitted", "order.stock_reserved", "order.cancellation_requested", "order.cancelled"); err != nil {
		return err
	}
	if order.Status != client.Cancelled || order.Reason != "payment_declined" {
		return fmt.Errorf("the order is %s (%s)", order.Status, order.Reason)
	}
	var now int64
	if err := eventually(ctx, func(ctx context.Context) error {
		if now, err = d.stock(ctx, p.ID); err == nil && now != before {
			err = fmt.Errorf("%d of %s can be bought, not %d", now, p.Name, before)
		}
		return err
	}); err != nil {
		return err
	}
	d.say("   %-32s %d can be bought again", "stock is back", now)
	return d.announced(ctx, order, "order_cancelled")
}

// sameRequestTwice: sent in parallel under one key, it gives one order.
func (d *demo) sameRequestTwice(ctx context.Context) error {
	p := d.products[1]
	d.say("\n3. The same request twice at once: 1 × %s", p.Name)
	key := uuid.NewString()
	type answer struct {
		order client.Order
		err   error
	}
	answers := make(chan answer)
	for range 2 {
		go func() {
			order, err := d.customer.PlaceOrder(ctx, key, basket("tok_ok", client.Item{ProductID: p.ID, Quantity: 1}), 0)
			answers <- answer{order, err}
		}()
	}
	one, two := <-answers, <-answers
	if err := errors.Join(one.err, two.err); err != nil {
		return fmt.Errorf("place order: %w", err)
	}
	d.say("   answered %s\n        and %s", one.order.ID, two.order.ID)
	if one.order.ID != two.order.ID {
		return errors.New("that is two orders")
	}
	order, err := d.final(ctx, one.order.ID)
	if err != nil {
		return err
	}
	if err := d.history(ctx, order, "order.submitted", "order.stock_reserved", "order.payment_authorised", "order.confirmed"); err != nil {
		return err
	}
	d.orders = append(d.orders, order.ID)
	return d.listed(ctx)
}

// listed: the customer's list comes to hold each order once, and final.
func (d *demo) listed(ctx context.Context) error {
	var list client.Page[client.Order]
	err := eventually(ctx, func(ctx context.Context) (err error) {
		if list, err = d.customer.Orders(ctx, 20, ""); err != nil {
			return err
		}
		seen := map[string]bool{}
		for _, o := range list.Items {
			seen[o.ID] = o.Final()
		}
		for _, id := range d.orders {
			if !seen[id] {
				return fmt.Errorf("order %s is not in the list, or not as final", id)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if len(list.Items) != len(d.orders) {
		return fmt.Errorf("the customer's list has %d orders, not %d", len(list.Items), len(d.orders))
	}
	d.say("   %-32s %d orders, each once", "the customer's list", len(list.Items))
	return nil
}

// order places one and waits until it is final.
func (d *demo) order(ctx context.Context, key string, p client.Purchase) (client.Order, error) {
	order, err := client.Retry(ctx, func(ctx context.Context) (client.Order, error) {
		return d.customer.PlaceOrder(ctx, key, p, 10*time.Second)
	})
	if err != nil {
		return order, fmt.Errorf("place order: %w", err)
	}
	d.orders = append(d.orders, order.ID)
	return d.final(ctx, order.ID)
}

func (d *demo) final(ctx context.Context, id string) (client.Order, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return d.customer.WaitFinal(ctx, id)
}

// history prints an order's events, which must be these.
func (d *demo) history(ctx context.Context, order client.Order, expected ...string) error {
	events, err := d.customer.History(ctx, order.ID)
	if err != nil {
		return fmt.Errorf("history: %w", err)
	}
	d.say("   order %s, %s", order.ID, order.Total)
	var types []string
	for _, e := range events {
		d.say("   %-32s %s  +%d ms", e.Type, e.At.Local().Format("15:04:05.000"), e.At.Sub(events[0].At).Milliseconds())
		types = append(types, e.Type)
	}
	if got := strings.Join(types, " "); got != strings.Join(expected, " ") {
		return fmt.Errorf("these should be the events: %s", strings.Join(expected, ", "))
	}
	return nil
}

// announced waits for the message about the order.
func (d *demo) announced(ctx context.Context, order client.Order, kind string) error {
	return eventually(ctx, func(ctx context.Context) error {
		inbox, err := d.customer.Notifications(ctx, 20, "")
		if err != nil {
			return err
		}
		for _, n := range inbox.Items {
			if n.OrderID == order.ID && n.Kind == kind {
				d.say("   %-32s %s  +%d ms  %q", "announced", n.CreatedAt.Local().Format("15:04:05.000"), n.CreatedAt.Sub(order.PlacedAt).Milliseconds(), n.Title)
				return nil
			}
		}
		return fmt.Errorf("no message %s about order %s", kind, order.ID)
	})
}

// eventually tries until it works or patience ends, and then answers the last error.
func eventually(ctx context.Context, try func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for {
		err := try(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("after %s: %w", patience, err)
		case <-ticker.C:
		}
	}
}
