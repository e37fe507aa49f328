package e2e

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sidecart/sidecart/test/client"
)

func TestAPurchasePassesThroughTheServices(t *testing.T) {
	s := running
	ctx := within(t, time.Minute)
	c, p := s.customer(t), s.product(t, 1250, 10)
	placed, err := c.PlaceOrder(ctx, uuid.NewString(), purchase("tok_ok", one(p, 3)), 20*time.Second)
	require.NoError(t, err)
	require.Equal(t, client.Confirmed, placed.Status)
	require.Equal(t, client.Money{Amount: 3750, Currency: "EUR"}, placed.Total)

	history, err := c.History(ctx, placed.ID)
	require.NoError(t, err)
	var types []string
	for _, e := range history {
		types = append(types, e.Type)
	}
	require.Equal(t, []string{"order.submitted", "order.stock_reserved", "order.payment_authorised", "order.confirmed"}, types)

	// What follows from the events is eventually so.
	require.EventuallyWithT(t, func(t *assert.CollectT) {
		stock, err := s.admin.Stock(ctx, p.ID)
		assert.NoError(t, err)
		assert.Equal(t, client.Stock{ProductID: p.ID, OnHand: 7, Held: 0, Available: 7}, stock)
		shown, err := c.Product(ctx, p.ID)
		assert.NoError(t, err)
		assert.EqualValues(t, 7, shown.Availability.Available)
		orders, err := c.Orders(ctx, 10, "")
		assert.NoError(t, err)
		if assert.Len(t, orders.Items, 1) {
			assert.Equal(t, client.Confirmed, orders.Items[0].Status)
		}
		inbox, err := c.Notifications(ctx, 10, "")
		assert.NoError(t, err)
		kinds := map[string]int{}
		for _, n := range inbox.Items {
			kinds[n.Kind]++
		}
		assert.Equal(t, map[string]int{"welcome": 1, "order_confirmed": 1}, kinds)
	}, 20*time.Second, 100*time.Millisecond)
	s.checkBooks(t)
}

func TestEachReasonToCancel(t *testing.T) {
	s := running
	c := s.customer(t)
	for _, reason := range []string{"out_of_stock", "payment_declined"} {
		t.Run(reason, func(t *testing.T) {
			p := s.product(t, 100, 5)
			token, quantity := "tok_declined", int64(5)
			if reason == "out_of_stock" {
				token, quantity = "tok_ok", 6
			}
			o := s.buy(t, c, token, one(p, quantity))
			require.Equal(t, client.Cancelled, o.Status)
			require.Equal(t, reason, o.Reason)
			require.Equal(t, client.Stock{ProductID: p.ID, OnHand: 5, Available: 5}, s.stock(t, p))
		})
	}
	t.Run("price_changed", func(t *testing.T) {
		p := s.product(t, 100, 5)
		ctx := within(t, time.Minute)
		// The saga cannot get past inventory until the new price is known.
		require.NoError(t, s.Pause("inventory"))
		placed, err := c.PlaceOrder(ctx, uuid.NewString(), purchase("tok_ok", one(p, 1)), 0)
		if err == nil {
			_, err = s.admin.ChangeProduct(ctx, p.ID, map[string]any{"price": client.Money{Amount: 120, Currency: "EUR"}})
		}
		require.NoError(t, s.Kill9("inventory"), "what it was asked before must stay undone")
		require.NoError(t, s.StartApp("inventory"))
		require.NoError(t, err)
		o, err := c.WaitFinal(ctx, placed.ID)
		require.NoError(t, err)
		require.Equal(t, "price_changed", o.Reason)
	})
	t.Run("expired", func(t *testing.T) {
		p := s.product(t, 100, 5)
		s.restartOrder(t, "ORDER_DEADLINE", "2s")
		o := s.buy(t, c, "tok_pending", one(p, 1))
		s.restartOrder(t, "ORDER_DEADLINE", "15m")
		require.Equal(t, "expired", o.Reason)
		require.EqualValues(t, 5, s.stock(t, p).Available)
	})
	t.Run("by_customer", func(t *testing.T) {
		p := s.product(t, 100, 5)
		o := s.buy(t, c, "tok_ok", one(p, 2))
		require.Equal(t, client.Confirmed, o.Status)
		o, err := c.CancelOrder(within(t, 30*time.Second), o.ID, 20*time.Second)
		require.NoError(t, err)
		require.Equal(t, "by_customer", o.Reason)
		require.Equal(t, client.Stock{ProductID: p.ID, OnHand: 5, Available: 5}, s.stock(t, p), "restocked")
	})
	s.checkBooks(t)
}

// restartOrder stops the order service as a rollout does, and starts it with another setting.
func (s *shop) restartOrder(t *testing.T, name, value string) {
	require.NoError(t, s.SetEnv("order", name, value))
	code, err := s.StopApp("order")
	require.NoError(t, err)
	require.Zero(t, code)
	require.NoError(t, s.StartApp("order"))
	require.NoError(t, s.WaitAppReady(within(t, 30*time.Second), "order"))
}

func TestTheSameRequestManyTimesInParallelIsOneOrder(t *testing.T) {
	s := running
	c, p := s.customer(t), s.product(t, 100, 50)
	ctx := within(t, time.Minute)
	key := uuid.NewString()
	ids := make([]string, 20)
	crowd(len(ids), len(ids), func(i int) {
		o, err := client.Retry(ctx, func(ctx context.Context) (client.Order, error) {
			return c.PlaceOrder(ctx, key, purchase("tok_ok", one(p, 1)), 0)
		})
		assert.NoError(t, err)
		ids[i] = o.ID
	})
	for _, id := range ids {
		require.Equal(t, ids[0], id)
	}
	_, err := c.WaitFinal(ctx, ids[0])
	require.NoError(t, err)
	_, err = c.PlaceOrder(ctx, key, purchase("tok_ok", one(p, 2)), 0)
	requireProblem(t, err, 422, "idempotency_key_reused")
	s.checkBooks(t)
	require.EqualValues(t, 49, s.stock(t, p).Available)
}

func TestMoreIsNeverSoldThanThereIs(t *testing.T) {
	s := running
	c, p := s.customer(t), s.product(t, 100, 20)
	ctx := within(t, 2*time.Minute)
	var confirmed atomic.Int64
	crowd(60, 60, func(int) {
		o, err := client.Retry(ctx, func(ctx context.Context) (client.Order, error) {
			return c.PlaceOrder(ctx, uuid.NewString(), purchase("tok_ok", one(p, 1)), 0)
		})
		if assert.NoError(t, err) {
			o, err = c.WaitFinal(ctx, o.ID)
			assert.NoError(t, err)
		}
		if o.Status == client.Confirmed {
			confirmed.Add(1)
		}
	})
	require.EqualValues(t, 20, confirmed.Load())
	s.checkBooks(t)
	require.Equal(t, client.Stock{ProductID: p.ID}, s.stock(t, p))
}

func TestAPendingPaymentIsDecidedByTheProvidersCallback(t *testing.T) {
	s := running
	c, p := s.customer(t), s.product(t, 100, 10)
	ctx := within(t, time.Minute)
	secret := s.Secret("payment-webhook-secret")
	for outcome, want := range map[string]string{"authorised": client.Confirmed, "declined": client.Cancelled} {
		o, err := c.PlaceOrder(ctx, uuid.NewString(), purchase("tok_pending", one(p, 1)), 0)
		require.NoError(t, err)
		require.Eventually(t, func() bool {
			o, err := c.Order(ctx, o.ID)
			return err == nil && o.Status == client.AwaitingPayment
		}, 20*time.Second, 50*time.Millisecond)
		err = s.api.PaymentCallback(ctx, "bm90IHRoZSBzZWNyZXQ=", uuid.NewString(), o.ID, outcome, time.Now())
		requireProblem(t, err, 401, "unauthenticated")
		require.NoError(t, s.api.PaymentCallback(ctx, secret, uuid.NewString(), o.ID, outcome, time.Now()))
		require.NoError(t, s.api.PaymentCallback(ctx, secret, uuid.NewString(), o.ID, outcome, time.Now()), "the provider says it twice")
		final, err := c.WaitFinal(ctx, o.ID)
		require.NoError(t, err)
		require.Equal(t, want, final.Status)
	}
	s.checkBooks(t)
}

func TestASlowOrFlakyProviderDelaysOnlyItsOwnOrders(t *testing.T) {
	s := running
	c, p := s.customer(t), s.product(t, 100, 50)
	ctx := within(t, 2*time.Minute)
	var confirmed atomic.Int64
	crowd(12, 12, func(i int) {
		token := []string{"tok_slow", "tok_flaky", "tok_ok"}[i%3]
		o, err := c.PlaceOrder(ctx, uuid.NewString(), purchase(token, one(p, 1)), 0)
		if assert.NoError(t, err) {
			o, err = c.WaitFinal(ctx, o.ID)
			assert.NoError(t, err, token)
		}
		if o.Status == client.Confirmed {
			confirmed.Add(1)
		}
	})
	require.EqualValues(t, 12, confirmed.Load())
	s.checkBooks(t)
}

func TestACartBecomesAnOrderAndIsEmptied(t *testing.T) {
	s := running
	c, p, q := s.customer(t), s.product(t, 100, 10), s.product(t, 50, 10)
	ctx := within(t, time.Minute)
	_, err := c.PutCartItem(ctx, p.ID, 2)
	require.NoError(t, err)
	cart, err := c.PutCartItem(ctx, q.ID, 1)
	require.NoError(t, err)
	require.Equal(t, client.Money{Amount: 250, Currency: "EUR"}, cart.Total)
	request := purchase("tok_ok")
	request.FromCart = true
	o, err := c.PlaceOrder(ctx, uuid.NewString(), request, 20*time.Second)
	require.NoError(t, err)
	require.Equal(t, client.Confirmed, o.Status)
	require.Equal(t, cart.Total, o.Total)
	require.Eventually(t, func() bool {
		cart, err := c.Cart(ctx)
		return err == nil && len(cart.Items) == 0
	}, 20*time.Second, 100*time.Millisecond)
	s.checkBooks(t)
}

func requireProblem(t *testing.T, err error, status int, code string) {
	t.Helper()
	var p *client.Problem
	require.ErrorAs(t, err, &p)
	require.Equal(t, fmt.Sprint(status, code), fmt.Sprint(p.Status, p.Code), p.Detail)
}
