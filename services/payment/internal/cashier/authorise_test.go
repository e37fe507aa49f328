package cashier_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sidecart/sidecart/contracts/contracttest"
	"github.com/sidecart/sidecart/services/internal/event"
	"github.com/sidecart/sidecart/services/internal/money"
	"github.com/sidecart/sidecart/services/internal/state/statetest"
	"github.com/sidecart/sidecart/services/payment/internal/cashier"
	"github.com/sidecart/sidecart/services/payment/internal/payment"
	"github.com/sidecart/sidecart/services/payment/internal/sandbox"
	"github.com/sidecart/sidecart/services/payment/internal/store"
)

const order = "0f9d2a54-6d0e-5c9b-9a57-3c1f0d3c7a11"

var euros = money.Money{Amount: 2900, Currency: "EUR"}

func request(id, token string) payment.Request {
	return payment.Request{OrderID: id, CustomerID: "customer", Amount: euros, Token: token}
}

// counter is a till in front of the sandbox, with a broker that can be broken and orders that can be told.
type counter struct {
	*cashier.Cashier
	docs *statetest.Memory

	mu       sync.Mutex
	broken   bool
	events   []event.Event
	outcomes map[string]string
	asked    [][]string
}

func newCounter(provider cashier.Provider) *counter {
	c := &counter{docs: statetest.NewMemory(), outcomes: map[string]string{}}
	c.Cashier = &cashier.Cashier{
		Payments: store.New(c.docs), Provider: provider, Events: c, Orders: c, Log: slog.New(slog.DiscardHandler), Settings: settings,
	}
	return c
}

func (c *counter) Publish(_ context.Context, _ string, events ...event.Event) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.broken {
		return errNetwork
	}
	c.events = append(c.events, events...)
	return nil
}

func (c *counter) Outcomes(_ context.Context, ids []string) (map[string]string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked = append(c.asked, ids)
	return c.outcomes, nil
}

// authorise answers what the order is told, "" for unknown.
func (c *counter) authorise(t *testing.T, r payment.Request) payment.State {
	t.Helper()
	payments, errs := c.Authorise(t.Context(), []payment.Request{r})
	if errs[0] != nil {
		return ""
	}
	return payments[0].Decision()
}

func (c *counter) read(t *testing.T, id string) payment.Payment {
	t.Helper()
	payments, err := c.Payments.Read(t.Context(), []string{id})
	require.NoError(t, err)
	return payments[0]
}

func TestASlowPaymentDoesNotHoldUpTheBatchAndIsDecidedPromptly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCounter(sandbox.New())
		requests := []payment.Request{request(order, sandbox.Slow)}
		for i := range 199 {
			requests = append(requests, request(fmt.Sprintf("fast-%d", i), sandbox.OK))
		}
		start := time.Now()
		payments, errs := c.Authorise(t.Context(), requests)
		assert.LessOrEqual(t, time.Since(start), settings.Budget+50*time.Millisecond)
		require.NoError(t, errors.Join(errs...))
		assert.Equal(t, payment.Pending, payments[0].Decision())
		for _, p := range payments[1:] {
			require.Equal(t, payment.Authorised, p.Decision())
		}
		time.Sleep(2100*time.Millisecond - time.Since(start))
		require.Equal(t, payment.Authorised, c.read(t, order).State)
		require.Len(t, c.events, 1)
		assert.Equal(t, payment.TypeAuthorised, c.events[0].Type)
		contracttest.Event(t, c.events[0])
		c.Close()
	})
}

func TestASlowPaymentSurvivesTheProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCounter(sandbox.New())
		require.Equal(t, payment.Pending, c.authorise(t, request(order, sandbox.Slow)))
		c.Close()
		time.Sleep(settings.Timeout + time.Second)
		require.Equal(t, payment.Pending, c.read(t, order).State)
		require.NoError(t, c.Sweep(t.Context(), c.Payments.Walk()))
		assert.Equal(t, payment.Authorised, c.read(t, order).State)
		assert.Len(t, c.events, 1)
	})
}

func TestAFlakyProviderIsAskedUntilItAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCounter(sandbox.New())
		pending := 0
		for i := range 100 {
			id := fmt.Sprintf("order-%d", i)
			if c.authorise(t, request(id, sandbox.Flaky)) == payment.Pending {
				pending++
			}
		}
		require.Less(t, pending, 30, "a second try within the budget mostly helps")
		time.Sleep(settings.Timeout)
		for range 40 {
			_ = c.Sweep(t.Context(), c.Payments.Walk()) // it fails as the provider does
		}
		for i := range 100 {
			require.Equal(t, payment.Authorised, c.read(t, fmt.Sprintf("order-%d", i)).State)
		}
		assert.Len(t, c.events, pending, "one event for each order that waits")
		c.Close()
	})
}

func TestAProviderThatIsDownHoldsNobodyUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		provider := &down{Provider: sandbox.New()}
		c := newCounter(provider)
		start := time.Now()
		require.Equal(t, payment.Pending, c.authorise(t, request(order, sandbox.OK)))
		require.LessOrEqual(t, time.Since(start), settings.Budget)
		time.Sleep(settings.Timeout + time.Second)
		require.Equal(t, payment.Pending, c.read(t, order).State)
		provider.mended.Store(true)
		require.NoError(t, c.Sweep(t.Context(), c.Payments.Walk()))
		require.Equal(t, payment.Authorised, c.read(t, order).State)
		c.Close()
	})
}

// down is a provider that answers no authorisation until it is mended.
type down struct {
	cashier.Provider
	mended atomic.Bool
}

func (d *down) Authorise(ctx context.Context, orderID string, amount money.Money, token string) (payment.Answer, error) {
	if d.mended.Load() {
		return d.Provider.Authorise(ctx, orderID, amount, token)
	}
	return payment.Answer{}, errors.New("no answer")
}

func TestAnotherAmountIsDeclined(t *testing.T) {
	c := newCounter(sandbox.New())
	require.Equal(t, payment.Authorised, c.authorise(t, request(order, sandbox.OK)))
	other := request(order, sandbox.OK)
	other.Amount.Amount++
	payments, errs := c.Authorise(t.Context(), []payment.Request{other})
	require.NoError(t, errs[0])
	assert.True(t, payments[0].Disagrees(other.Amount))
	assert.Equal(t, euros, c.read(t, order).Amount)
}

// meddler is a provider during whose authorisation something happens.
type meddler struct {
	sandbox.Provider
	meanwhile func()
	voids     atomic.Int64
	broken    bool
}

func (m *meddler) Authorise(ctx context.Context, key string, amount money.Money, token string) (payment.Answer, error) {
	if meanwhile := m.meanwhile; meanwhile != nil {
		m.meanwhile = nil
		meanwhile()
	}
	return m.Provider.Authorise(ctx, key, amount, token)
}

func (m *meddler) Void(context.Context, string, string) error {
	m.voids.Add(1)
	if m.broken {
		return errNetwork
	}
	return nil
}

func TestALateAuthorisationIsVoidedAtOnce(t *testing.T) {
	m := &meddler{Provider: sandbox.New()}
	c := newCounter(m)
	m.meanwhile = func() {
		require.NoError(t, c.Cancel(t.Context(), []string{order})[0])
		require.EqualValues(t, 1, m.voids.Load())
	}
	assert.Equal(t, payment.Declined, c.authorise(t, request(order, sandbox.OK)))
	assert.EqualValues(t, 2, m.voids.Load())
	assert.Equal(t, payment.Voided, c.read(t, order).State)
}

func TestALateAuthorisationThatCannotBeVoidedIsOwed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &meddler{Provider: sandbox.New()}
		c := newCounter(m)
		walk := c.Payments.Walk()
		m.meanwhile = func() {
			require.NoError(t, c.Cancel(t.Context(), []string{order})[0])
			// The asker sleeps until nobody expects it any more; then the provider is out of reach.
			time.Sleep(settings.Grace + time.Second)
			require.NoError(t, c.Sweep(t.Context(), walk))
			require.True(t, c.read(t, order).Settled())
			m.broken = true
		}
		c.Settings.Budget = time.Minute
		assert.Equal(t, payment.Declined, c.authorise(t, request(order, sandbox.OK)))
		require.False(t, c.read(t, order).Settled())
		m.broken = false
		time.Sleep(settings.Grace + time.Second)
		require.NoError(t, c.Sweep(t.Context(), c.Payments.Walk()))
		assert.EqualValues(t, 4, m.voids.Load())
		assert.True(t, c.read(t, order).Settled())
	})
}

func TestASlowAuthorisationAfterTheVoidIsVoidedAgain(t *testing.T) {
	for name, dies := range map[string]bool{"by who waits for it": false, "by the sweep, when that died": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := &meddler{Provider: sandbox.New()}
				c := newCounter(m)
				require.Equal(t, payment.Pending, c.authorise(t, request(order, sandbox.Slow)))
				require.NoError(t, c.Cancel(t.Context(), []string{order})[0])
				require.EqualValues(t, 1, m.voids.Load())
				if dies {
					c.Close()
					time.Sleep(settings.Grace + time.Second)
					require.NoError(t, c.Sweep(t.Context(), c.Payments.Walk()))
				} else {
					time.Sleep(3 * time.Second)
				}
				assert.EqualValues(t, 2, m.voids.Load())
				assert.Equal(t, payment.Voided, c.read(t, order).State)
				assert.Empty(t, c.events)
				c.Close()
			})
		})
	}
}
