package cashier_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sidecart/sidecart/contracts/contracttest"
	"github.com/sidecart/sidecart/services/payment/internal/payment"
	"github.com/sidecart/sidecart/services/payment/internal/sandbox"
)

func TestADecisionWhosePublisherDiedIsPublishedLaterWithTheSameID(t *testing.T) {
	for _, outcome := range []payment.State{payment.Authorised, payment.Declined} {
		t.Run(string(outcome), func(t *testing.T) {
			c := newCounter(sandbox.New())
			require.Equal(t, payment.Pending, c.authorise(t, request(order, sandbox.Waiting)))
			// Here the process dies: what was decided is written, and nothing more.
			c.broken = true
			_, err := c.Decide(t.Context(), order, payment.Answer{State: outcome})
			require.NoError(t, err, "it is durable")
			require.Empty(t, c.events)

			c.broken = false
			// The outbox cannot be cleared: it is published again, as the same event.
			c.docs.Fault = func(key string, applied bool) error {
				if strings.HasPrefix(key, "payment-") && !applied {
					return errors.New("down")
				}
				return nil
			}
			require.Error(t, c.Sweep(t.Context(), c.Payments.Walk()))
			c.docs.Fault = nil
			require.NoError(t, c.Sweep(t.Context(), c.Payments.Walk()))
			require.NoError(t, c.Sweep(t.Context(), c.Payments.Walk()))
			require.Len(t, c.events, 2)
			assert.Equal(t, c.events[0], c.events[1])
			assert.Equal(t, "payment."+string(outcome)+".v1", c.events[0].Type)
			contracttest.Event(t, c.events[0])
			assert.Empty(t, c.read(t, order).Outbox)
		})
	}
}

func TestAnUncapturedPaymentFollowsItsOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		want := map[string]payment.State{
			"confirmed": payment.Captured, "cancelled": payment.Voided, "none": payment.Voided, "open": payment.Authorised, "": payment.Authorised,
		}
		c := newCounter(sandbox.New())
		walk := c.Payments.Walk()
		for outcome := range want {
			require.Equal(t, payment.Authorised, c.authorise(t, request("order-"+outcome, sandbox.OK)))
			c.outcomes["order-"+outcome] = outcome
		}
		require.NoError(t, c.Sweep(t.Context(), walk))
		require.Empty(t, c.asked, "the news is still under way")
		time.Sleep(settings.Grace + time.Second)
		require.NoError(t, c.Sweep(t.Context(), walk))
		for outcome, state := range want {
			assert.Equal(t, state, c.read(t, "order-"+outcome).State, outcome)
		}
		require.NoError(t, c.Sweep(t.Context(), walk))
		require.Len(t, c.asked, 2)
		assert.ElementsMatch(t, []string{"order-open", "order-"}, c.asked[1])
	})
}

func TestOnePaymentThatFailsDoesNotKeepTheSweepFromTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCounter(sandbox.New())
		for _, id := range []string{"a", "b", "c"} {
			require.Equal(t, payment.Authorised, c.authorise(t, request(id, sandbox.OK)))
			c.outcomes[id] = "confirmed"
		}
		time.Sleep(settings.Grace + time.Second)
		c.docs.Fault = func(key string, applied bool) error {
			if key == "payment-b" && !applied {
				return errors.New("down")
			}
			return nil
		}
		require.Error(t, c.Sweep(t.Context(), c.Payments.Walk()))
		assert.Equal(t, payment.Captured, c.read(t, "a").State)
		assert.Equal(t, payment.Authorised, c.read(t, "b").State)
		assert.Equal(t, payment.Captured, c.read(t, "c").State)
	})
}

// The walk has left the payment behind as settled when the provider's late word makes it owe a void again.
func TestAVoidThatIsOwedLateIsFoundByTheSweep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &refuser{Provider: sandbox.New()}
		c := newCounter(r)
		walk := c.Payments.Walk()
		require.Equal(t, payment.Pending, c.authorise(t, request(order, sandbox.Waiting)))
		require.NoError(t, c.Cancel(t.Context(), []string{order})[0])
		time.Sleep(settings.Grace + time.Second)
		require.NoError(t, c.Sweep(t.Context(), walk))
		require.True(t, c.read(t, order).Settled())
		require.NoError(t, c.Sweep(t.Context(), walk))

		r.void = errNetwork
		_, err := c.Decide(t.Context(), order, payment.Answer{State: payment.Authorised})
		require.NoError(t, err)
		require.True(t, c.read(t, order).VoidOwed)
		r.void = nil
		time.Sleep(settings.Grace + time.Second)
		require.NoError(t, c.Sweep(t.Context(), walk))
		assert.False(t, c.read(t, order).VoidOwed, "the provider holds the money of a cancelled order")
	})
}
