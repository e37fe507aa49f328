package cashier

import (
	"context"
	"time"

	"github.com/sidecart/sidecart/services/payment/internal/payment"
	"github.com/sidecart/sidecart/services/payment/internal/store"
)

// Authorise asks the provider for the payments of some orders, all at the same time, and
// answers each one's payment and an error (or nil). After an error the same request has to be made again: the
// order id is the provider's idempotency key. Order ids must differ.
//
// A payment that the provider has not decided within the budget is pending, so that no slow or
// failing one holds up the others; its answer is waited for in the background.
func (c *Cashier) Authorise(ctx context.Context, requests []payment.Request) ([]payment.Payment, []error) {
	ids := make([]string, len(requests))
	asked := make([]*question, len(requests))
	for i, r := range requests {
		ids[i] = r.OrderID
	}
	payments, errs := c.Payments.Change(ctx, ids, func(i int) store.Step {
		return func(ctx context.Context, p *payment.Payment) (bool, error) {
			if p.State != payment.None {
				return false, c.meet(ctx, asked[i], *p, requests[i])
			}
			if asked[i] == nil {
				asked[i] = c.ask(ctx, requests[i])
			}
			answer, err := asked[i].answer(c.Settings.Budget)
			if err != nil {
				c.Log.WarnContext(ctx, "provider failed to authorise, the sweep asks again", "orderId", p.OrderID, "error", err)
			}
			return p.Open(requests[i], answer, now()), nil
		}
	})
	for _, q := range asked {
		if q != nil && !q.answered {
			c.follow(ctx, q)
		}
	}
	return payments, errs
}

// meet handles a payment that is there already: a repeated request, or an order that was
// cancelled while the provider was asked, which then must not keep what it has authorised.
func (c *Cashier) meet(ctx context.Context, q *question, p payment.Payment, r payment.Request) error {
	if p.Disagrees(r.Amount) {
		c.Log.ErrorContext(ctx, "an order asks for another amount than before: declined", "orderId", p.OrderID, "paymentId", p.ID)
	}
	if q != nil && q.answered && p.State == payment.Voided {
		return c.voidLate(ctx, p.OrderID, q.got.Ref)
	}
	return nil
}

// question is one authorisation that outlives the request that asks for it.
type question struct {
	orderID string
	cancel  context.CancelFunc
	done    chan struct{}
	got     payment.Answer
	err     error
	// answered tells that the asker has seen got and err.
	answered bool
}

func (c *Cashier) ask(ctx context.Context, r payment.Request) *question {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.Settings.Timeout)
	q := &question{orderID: r.OrderID, cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(q.done)
		// The provider is idempotent by the order's id: a failed call is repeated as long as there is time.
		for pause := firstPause; ; pause *= 2 {
			q.got, q.err = c.Provider.Authorise(ctx, r.OrderID, r.Amount, r.Token)
			if q.err == nil || !sleep(ctx, pause) {
				return
			}
		}
	}()
	return q
}

// firstPause before a failed call to the provider is repeated; each further one is twice as long.
const firstPause = 20 * time.Millisecond

// sleep answers false when ctx ended first.
func sleep(ctx context.Context, pause time.Duration) bool {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// answer waits for the provider; no answer within the budget is the zero Answer.
func (q *question) answer(budget time.Duration) (payment.Answer, error) {
	timer := time.NewTimer(budget)
	defer timer.Stop()
	select {
	case <-q.done:
		q.answered = true
		q.cancel()
		return q.got, q.err
	case <-timer.C:
		return payment.Answer{}, nil
	}
}

// follow waits for a slow answer in the background and decides the pending payment by it.
func (c *Cashier) follow(ctx context.Context, q *question) {
	ctx = context.WithoutCancel(ctx)
	c.followers.follow(q.cancel, func() {
		<-q.done
		if q.err == nil {
			_, q.err = c.Decide(ctx, q.orderID, q.got)
		}
		if q.err != nil {
			c.Log.WarnContext(ctx, "a slow payment is undecided, the sweep asks again", "orderId", q.orderID, "error", q.err)
		}
	})
}
