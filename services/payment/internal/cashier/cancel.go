package cashier

import (
	"context"
	"errors"
	"fmt"

	"github.com/sidecart/sidecart/services/payment/internal/payment"
	"github.com/sidecart/sidecart/services/payment/internal/store"
)

// Cancel undoes the payments of cancelled orders, whatever was done, and answers an error (or
// nil) for each; nil means that it is done and durable. Where nothing was done it leaves a
// tombstone: an authorisation that comes late finds it. Order ids must differ.
func (c *Cashier) Cancel(ctx context.Context, orderIDs []string) []error {
	_, errs := c.Payments.Change(ctx, orderIDs, func(int) store.Step { return c.cancel })
	return errs
}

func (c *Cashier) cancel(ctx context.Context, p *payment.Payment) (bool, error) {
	switch p.State {
	case payment.None, payment.Pending, payment.Authorised:
		// Without a document, too: an authorisation may have reached the provider though its answer was lost.
		err := c.provide(ctx, func(ctx context.Context) error { return c.Provider.Void(ctx, p.OrderID, p.Ref) })
		if err == nil {
			return p.Void(now()), nil
		}
		if !errors.Is(err, ErrCaptured) || p.State != payment.Authorised {
			return false, fmt.Errorf("void for order %s: %w", p.OrderID, err)
		}
	case payment.Captured:
	default:
		return false, nil
	}
	if err := c.provide(ctx, func(ctx context.Context) error { return c.Provider.Refund(ctx, p.OrderID, p.Ref) }); err != nil {
		return false, fmt.Errorf("refund for order %s: %w", p.OrderID, err)
	}
	return p.Refund(now()), nil
}
