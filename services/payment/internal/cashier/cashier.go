// Package cashier takes payments: it brings what the provider says and what the documents
// say to the same, whichever of them was reached when a process died.
package cashier

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/sidecart/sidecart/services/internal/event"
	"github.com/sidecart/sidecart/services/internal/money"
	"github.com/sidecart/sidecart/services/payment/internal/payment"
	"github.com/sidecart/sidecart/services/payment/internal/store"
)

// Errors by which a provider refuses. Any other error means that the call may have had its effect or not.
var (
	// ErrCaptured: the payment cannot be voided any more; it can be refunded.
	ErrCaptured = errors.New("provider: captured already")
	// ErrVoided: the payment cannot be captured any more.
	ErrVoided = errors.New("provider: voided already")
)

// Provider moves the money. Every call is idempotent by key, the order id: repeated, late or
// in parallel, it has one effect and one answer. ref is the provider's own name of the
// payment, empty when its answer never arrived. Of a void and a capture of the same payment
// the provider lets one win and refuses the other: that is what decides between them.
type Provider interface {
	// Authorise answers authorised, declined, or pending until the provider's callback.
	Authorise(ctx context.Context, key string, amount money.Money, token string) (payment.Answer, error)
	// Capture takes the whole authorised amount. Also ErrVoided.
	Capture(ctx context.Context, key, ref string) error
	// Void gives up the authorisation; it is no error when there is none. Also ErrCaptured.
	Void(ctx context.Context, key, ref string) error
	// Refund gives the whole captured amount back.
	Refund(ctx context.Context, key, ref string) error
}

// Publisher hands events to the broker. After an error any of them may have arrived.
type Publisher interface {
	Publish(ctx context.Context, topic string, events ...event.Event) error
}

// Orders tells what has become of orders: "confirmed", "cancelled", "none", or "open" as
// long as that is not certain. An order it does not mention is open.
type Orders interface {
	Outcomes(ctx context.Context, orderIDs []string) (map[string]string, error)
}

// Settings of a cashier.
type Settings struct {
	// Budget is how long an order waits for the provider before its payment is pending.
	Budget time.Duration
	// Timeout is how long any call to the provider may take.
	Timeout time.Duration
	// Grace is how old an authorised payment is before the order service is asked whether it is to be captured.
	Grace time.Duration
}

// Cashier takes payments. Safe for concurrent use, also by several processes on one store.
type Cashier struct {
	Payments *store.Store
	Provider Provider
	Events   Publisher
	Orders   Orders
	Log      *slog.Logger
	Settings Settings

	followers followers
}

// Close ends the waiting for slow answers; the sweep of the next process asks for them again.
func (c *Cashier) Close() { c.followers.close() }

func now() time.Time { return time.Now().UTC() }

// provide gives a call to the provider its time.
func (c *Cashier) provide(ctx context.Context, call func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, c.Settings.Timeout)
	defer cancel()
	return call(ctx)
}
