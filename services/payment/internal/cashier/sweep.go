package cashier

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/sidecart/sidecart/services/payment/internal/payment"
	"github.com/sidecart/sidecart/services/payment/internal/store"
)

// sweepTime bounds one sweep, so that one that hangs does not stop the next.
const sweepTime = time.Minute

// SweepEvery sweeps at once, and then again and again until ctx ends.
func (c *Cashier) SweepEvery(ctx context.Context, walk *store.Walk, interval time.Duration) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		if err := c.Sweep(ctx, walk); err != nil && ctx.Err() == nil {
			c.Log.WarnContext(ctx, "sweep failed in part, it is tried again", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// Sweep finishes what died halfway, of any process: it announces what was decided but not
// published, asks the provider again for what it has not answered, settles authorisations
// whose order's news was lost, and voids once more what may have been authorised after the void.
func (c *Cashier) Sweep(ctx context.Context, walk *store.Walk) error {
	ctx, cancel := context.WithTimeout(ctx, sweepTime)
	defer cancel()
	return walk.Visit(ctx, now(), func(ctx context.Context, payments []payment.Payment) error {
		var unpublished, unanswered, unvoided []payment.Payment
		var uncaptured []string
		for _, p := range payments {
			if len(p.Outbox) > 0 {
				unpublished = append(unpublished, p)
			}
			switch at := now(); {
			case p.AskAgain(at, c.Settings.Timeout):
				unanswered = append(unanswered, p)
			case p.Uncaptured(at, c.Settings.Grace):
				uncaptured = append(uncaptured, p.OrderID)
			case p.VoidAgain(at, c.Settings.Grace):
				unvoided = append(unvoided, p)
			}
		}
		return errors.Join(c.publish(ctx, unpublished), c.askAgain(ctx, unanswered), c.settle(ctx, uncaptured), c.voidAgain(ctx, unvoided))
	})
}

// askAgain asks the provider for payments that it has not answered, with the same idempotency key.
func (c *Cashier) askAgain(ctx context.Context, payments []payment.Payment) error {
	return each(payments, func(p payment.Payment) error {
		var answer payment.Answer
		err := c.provide(ctx, func(ctx context.Context) (err error) {
			answer, err = c.Provider.Authorise(ctx, p.OrderID, p.Amount, p.Token)
			return err
		})
		if err == nil {
			_, err = c.Decide(ctx, p.OrderID, answer)
		}
		return err
	})
}

// settle captures or voids authorised payments by what has become of their orders.
func (c *Cashier) settle(ctx context.Context, orderIDs []string) error {
	if len(orderIDs) == 0 {
		return nil
	}
	outcomes, err := c.Orders.Outcomes(ctx, orderIDs)
	if err != nil {
		return fmt.Errorf("outcomes of %d orders: %w", len(orderIDs), err)
	}
	var confirmed, cancelled []string
	for _, id := range orderIDs {
		switch outcomes[id] {
		case "confirmed":
			confirmed = append(confirmed, id)
		case "cancelled", "none":
			cancelled = append(cancelled, id)
		}
	}
	return errors.Join(append(c.Capture(ctx, confirmed), c.Cancel(ctx, cancelled)...)...)
}

// voidAgain voids at the provider what an authorisation sent before the void may have reached since.
func (c *Cashier) voidAgain(ctx context.Context, payments []payment.Payment) error {
	return each(payments, func(p payment.Payment) error {
		if err := c.provide(ctx, func(ctx context.Context) error { return c.Provider.Void(ctx, p.OrderID, p.Ref) }); err != nil {
			return fmt.Errorf("void again for order %s: %w", p.OrderID, err)
		}
		_, err := c.Payments.Update(ctx, p.OrderID, func(_ context.Context, is *payment.Payment) (bool, error) {
			return is.VoidPaid(p.UpdatedAt, now()), nil
		})
		return err
	})
}

// atOnce bounds how many payments a sweep asks the provider about at the same time.
const atOnce = 32

func each(payments []payment.Payment, do func(payment.Payment) error) error {
	errs := make([]error, len(payments))
	slots := make(chan struct{}, atOnce)
	var work sync.WaitGroup
	for i, p := range payments {
		slots <- struct{}{}
		work.Go(func() {
			defer func() { <-slots }()
			errs[i] = do(p)
		})
	}
	work.Wait()
	return errors.Join(errs...)
}
