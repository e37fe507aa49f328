package cashier

import (
	"context"
	"errors"
	"fmt"

	"github.com/sidecart/sidecart/services/payment/internal/payment"
	"github.com/sidecart/sidecart/services/payment/internal/store"
)

// Errors of Capture.
var (
	// ErrUndecided: the payment is not there or not decided; its order should not be confirmed yet.
	ErrUndecided = errors.New("cashier: the payment is not authorised yet")
	// ErrDeclined: the payment was declined; its order can never have been confirmed.
	ErrDeclined = errors.New("cashier: the payment was declined")
)

// Capture takes the authorised amounts of confirmed orders and answers an error (or nil)
// for each: nil as well when there is nothing to take any more. Order ids must differ.
func (c *Cashier) Capture(ctx context.Context, orderIDs []string) []error {
	_, errs := c.Payments.Change(ctx, orderIDs, func(int) store.Step { return c.capture })
	return errs
}

func (c *Cashier) capture(ctx context.Context, p *payment.Payment) (bool, error) {
	switch p.State {
	case payment.None, payment.Pending:
		return false, fmt.Errorf("%w: order %s", ErrUndecided, p.OrderID)
	case payment.Declined:
		return false, fmt.Errorf("%w: order %s", ErrDeclined, p.OrderID)
	case payment.Authorised:
	default:
		return false, nil
	}
	err := c.provide(ctx, func(ctx context.Context) error { return c.Provider.Capture(ctx, p.OrderID, p.Ref) })
	if errors.Is(err, ErrVoided) {
		// The order is being cancelled, and got there first.
		c.Log.WarnContext(ctx, "a confirmed order's payment was voided before it was captured", "orderId", p.OrderID)
		return p.Void(now()), nil
	}
	if err != nil {
		return false, fmt.Errorf("capture for order %s: %w", p.OrderID, err)
	}
	return p.Capture(now()), nil
}
