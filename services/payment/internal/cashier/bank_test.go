package cashier_test

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"sync"
	"time"

	"github.com/sidecart/sidecart/services/internal/money"
	"github.com/sidecart/sidecart/services/payment/internal/cashier"
	"github.com/sidecart/sidecart/services/payment/internal/payment"
	"github.com/sidecart/sidecart/services/payment/internal/sandbox"
)

// chance is where everything comes from that happens by chance: from a seed and from how
// often the same thing was asked before, so that it does not depend on the scheduler.
type chance struct {
	seed uint64

	mu    sync.Mutex
	asked map[string]int
}

func newChance(seed uint64) *chance { return &chance{seed: seed, asked: map[string]int{}} }

func (c *chance) below(n int, what string) int {
	c.mu.Lock()
	c.asked[what]++
	count := c.asked[what]
	c.mu.Unlock()
	h := fnv.New64a()
	fmt.Fprintf(h, "%d/%s/%d", c.seed, what, count)
	return int((h.Sum64() >> 8) % uint64(n))
}

// delay is how long one way to a store or a provider takes.
func (c *chance) delay(what string) time.Duration {
	return time.Duration(1 + c.below(int(20*time.Millisecond), "delay/"+what))
}

var (
	errNetwork = errors.New("connection reset")
	errDead    = errors.New("the process is dead")
)

// bank is a provider that keeps books and has real money's manners: it knows a key for
// good, repeats its first answer, and lets one of capture and void win. A void of a key that
// it does not know leaves no trace: an authorisation that arrives later is made.
type bank struct {
	chance *chance
	// careless is a bank that refuses nothing and keeps no books, like the sandbox.
	careless bool

	mu       sync.Mutex
	accounts map[string]*account
}

type account struct {
	answer             payment.State
	state              payment.State
	captured, refunded int64
	amount             int64
}

func newBank(c *chance, careless bool) *bank {
	return &bank{chance: c, careless: careless, accounts: map[string]*account{}}
}

// visit is one call: a way there, the effect, a way back. Whoever gives up does not learn what became of it.
func (b *bank) visit(ctx context.Context, what, key string, effect func(*account) error) error {
	if err := sleep(ctx, b.chance.delay(what+key)); err != nil {
		return err
	}
	b.mu.Lock()
	a := b.accounts[key]
	if a == nil {
		a = &account{}
	}
	err := effect(a)
	if a.answer != "" {
		b.accounts[key] = a
	}
	b.mu.Unlock()
	if err := sleep(ctx, b.chance.delay(what+key)); err != nil {
		return err
	}
	return err
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (b *bank) Authorise(ctx context.Context, key string, amount money.Money, token string) (answer payment.Answer, err error) {
	if token == sandbox.Flaky && b.chance.below(4, "flaky before"+key) == 0 {
		return answer, errNetwork
	}
	if token == sandbox.Slow {
		if err := sleep(ctx, 2*time.Second); err != nil {
			return answer, err
		}
	}
	err = b.visit(ctx, "authorise", key, func(a *account) error {
		if a.answer == "" {
			a.amount = amount.Amount
			a.answer = map[string]payment.State{sandbox.Refused: payment.Declined, sandbox.Waiting: payment.Pending}[token]
			if a.answer == "" {
				a.answer = payment.Authorised
			}
			a.state = a.answer
		}
		answer = payment.Answer{State: a.answer, Ref: "ref-" + key}
		return nil
	})
	if err == nil && token == sandbox.Flaky && b.chance.below(4, "flaky after"+key) == 0 {
		return payment.Answer{}, errNetwork
	}
	return answer, err
}

func (b *bank) Capture(ctx context.Context, key, _ string) error {
	return b.visit(ctx, "capture", key, func(a *account) error {
		switch a.state {
		case payment.Authorised:
			a.state, a.captured = payment.Captured, a.amount
		case payment.Voided:
			if !b.careless {
				return cashier.ErrVoided
			}
		}
		return nil
	})
}

func (b *bank) Void(ctx context.Context, key, _ string) error {
	return b.visit(ctx, "void", key, func(a *account) error {
		switch a.state {
		case payment.Authorised, payment.Pending:
			a.state = payment.Voided
		case payment.Captured, payment.Refunded:
			if !b.careless {
				return cashier.ErrCaptured
			}
		}
		return nil
	})
}

func (b *bank) Refund(ctx context.Context, key, _ string) error {
	return b.visit(ctx, "refund", key, func(a *account) error {
		if a.state == payment.Captured {
			a.state, a.refunded = payment.Refunded, a.captured
		}
		return nil
	})
}

// resolve is the customer's deed at the bank that decides a pending payment; the answer is what the bank then calls back.
func (b *bank) resolve(key string, outcome payment.State) (payment.State, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	a := b.accounts[key]
	if a == nil || a.answer != payment.Pending {
		return "", false
	}
	if a.state == payment.Pending {
		a.state = outcome
	}
	return outcome, a.state != payment.Voided
}

func (b *bank) account(key string) account {
	b.mu.Lock()
	defer b.mu.Unlock()
	if a := b.accounts[key]; a != nil {
		return *a
	}
	return account{}
}
