package cashier

import (
	"context"
	"fmt"

	"github.com/sidecart/sidecart/services/internal/event"
	"github.com/sidecart/sidecart/services/payment/internal/payment"
	"github.com/sidecart/sidecart/services/payment/internal/store"
)

// Decide takes the provider's answer to a pending payment and announces a decision. It
// answers the payment as it is then: decided before, or never asked for, it stays as it was.
// Nil means that the decision is durable; that it could not be announced is no error, the sweep does it.
func (c *Cashier) Decide(ctx context.Context, orderID string, answer payment.Answer) (payment.Payment, error) {
	p, err := c.Payments.Update(ctx, orderID, func(_ context.Context, p *payment.Payment) (bool, error) {
		return p.Answer(answer, now()), nil
	})
	if err != nil {
		return p, err
	}
	if p.State == payment.Voided && answer.State == payment.Authorised && !p.Agrees(answer.State) {
		return p, c.voidLate(ctx, orderID, answer.Ref)
	}
	if len(p.Outbox) > 0 {
		if err := c.publish(ctx, []payment.Payment{p}); err != nil {
			c.Log.WarnContext(ctx, "a decision is not announced yet, the sweep does it", "orderId", orderID, "error", err)
		}
	}
	return p, nil
}

// voidLate voids what the provider has authorised after the payment was voided. When the
// provider cannot be told now, the payment notes that it is owed.
func (c *Cashier) voidLate(ctx context.Context, orderID, ref string) error {
	err := c.provide(ctx, func(ctx context.Context) error { return c.Provider.Void(ctx, orderID, ref) })
	if err == nil {
		return nil
	}
	c.Log.WarnContext(ctx, "a late authorisation is not voided yet, the sweep does it", "orderId", orderID, "error", err)
	_, err = c.Payments.Update(ctx, orderID, func(_ context.Context, p *payment.Payment) (bool, error) {
		return p.OweVoid(now()), nil
	})
	if err == nil {
		err = c.Payments.Relist(ctx, orderID)
	}
	return err
}

// Decision is the data of the events of topic payments.
type Decision struct {
	OrderID   string `json:"orderId"`
	PaymentID string `json:"paymentId"`
	Version   int64  `json:"version"`
}

// publish announces what lies in the payments' outboxes and clears them.
func (c *Cashier) publish(ctx context.Context, payments []payment.Payment) error {
	if len(payments) == 0 {
		return nil
	}
	var events []event.Event
	ids := make([]string, len(payments))
	for i, p := range payments {
		ids[i] = p.OrderID
		for _, a := range p.Outbox {
			e, err := event.New("payment", a.Type, p.ID, a.Version, a.At, Decision{p.OrderID, p.ID, a.Version})
			if err != nil {
				return err
			}
			events = append(events, e)
		}
	}
	if err := c.Events.Publish(ctx, "payments", events...); err != nil {
		return err
	}
	_, errs := c.Payments.Change(ctx, ids, func(i int) store.Step {
		return func(_ context.Context, p *payment.Payment) (bool, error) {
			return p.Published(payments[i].Version), nil
		}
	})
	for i, err := range errs {
		if err != nil {
			return fmt.Errorf("clear the outbox of %s: %w", ids[i], err)
		}
	}
	return nil
}
