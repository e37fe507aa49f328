// Package sandbox is a payment provider for trying things out: the token decides the answer,
// no money moves. It keeps nothing: what it answers follows from the key and the token alone,
// so it is idempotent across restarts and replicas.
package sandbox

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/google/uuid"

	"github.com/sidecart/sidecart/services/internal/money"
	"github.com/sidecart/sidecart/services/payment/internal/payment"
)

// The tokens. Any other is declined.
const (
	// OK is authorised at once.
	OK = "tok_ok"
	// Refused is declined at once.
	Refused = "tok_declined"
	// Waiting is pending until the callback.
	Waiting = "tok_pending"
	// Slow is authorised after a while.
	Slow = "tok_slow"
	// Flaky fails about half the time, else it is authorised.
	Flaky = "tok_flaky"
)

var errFlaky = errors.New("sandbox: connection reset")

// Provider implements cashier.Provider.
type Provider struct {
	// Slowness is how long tok_slow takes.
	Slowness time.Duration
}

// New is the sandbox as it is documented.
func New() Provider { return Provider{Slowness: 2 * time.Second} }

// Authorise answers by the token.
func (p Provider) Authorise(ctx context.Context, key string, _ money.Money, token string) (payment.Answer, error) {
	answer := payment.Answer{Ref: "sandbox_" + uuid.NewSHA1(uuid.NameSpaceURL, []byte("sandbox/"+key)).String()}
	switch token {
	case OK:
		answer.State = payment.Authorised
	case Waiting:
		answer.State = payment.Pending
	case Slow:
		timer := time.NewTimer(p.Slowness)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			return payment.Answer{}, ctx.Err()
		}
		answer.State = payment.Authorised
	case Flaky:
		if rand.N(2) == 0 {
			return payment.Answer{}, errFlaky
		}
		answer.State = payment.Authorised
	default:
		answer.State = payment.Declined
	}
	return answer, nil
}

// Capture always succeeds.
func (p Provider) Capture(ctx context.Context, _, _ string) error { return ctx.Err() }

// Void always succeeds.
func (p Provider) Void(ctx context.Context, _, _ string) error { return ctx.Err() }

// Refund always succeeds.
func (p Provider) Refund(ctx context.Context, _, _ string) error { return ctx.Err() }
