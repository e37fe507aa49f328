package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sidecart/sidecart/test/client"
)

// The order service dies between two steps of the saga: stock is held, the payment has not answered.
func TestKillBetweenReserveAndAuthorise(t *testing.T) {
	s := running
	c, p := s.customer(t), s.product(t, 100, 10)
	ctx := within(t, 2*time.Minute)
	require.NoError(t, s.Pause("payment"))
	o, err := c.PlaceOrder(ctx, uuid.NewString(), purchase("tok_ok", one(p, 4)), 0)
	require.NoError(t, err)
	require.Eventually(t, func() bool { return s.stock(t, p).Held == 4 }, 20*time.Second, 50*time.Millisecond)
	require.NoError(t, s.Kill9("order"))
	require.NoError(t, s.Resume("payment"))
	require.NoError(t, s.StartApp("order"))
	final, err := c.WaitFinal(ctx, o.ID)
	require.NoError(t, err)
	require.Equal(t, client.Confirmed, final.Status)
	s.checkBooks(t)
	require.Equal(t, client.Stock{ProductID: p.ID, OnHand: 6, Available: 6}, s.stock(t, p))
}

// Each service of the checkout, and its sidecar, dies in the middle of orders.
func TestKillEachServiceAndSidecarUnderOrders(t *testing.T) {
	s := running
	c := s.customer(t)
	products := []client.Product{s.product(t, 100, 1000), s.product(t, 200, 1000), s.product(t, 300, 40)}
	for _, app := range []string{"order", "inventory", "payment"} {
		for _, victim := range []struct {
			name        string
			kill, start func(string) error
		}{{"app", s.Kill9, s.StartApp}, {"sidecar", s.Kill9Sidecar, s.StartSidecar}} {
			t.Run(app+"/"+victim.name, func(t *testing.T) {
				s.ordersDuring(t, c, products, func() {
					require.NoError(t, victim.kill(app))
					require.NoError(t, victim.start(app))
				})
			})
		}
	}
	s.checkBooks(t)
}

// ordersDuring places orders from several customers at once while something happens, and sees all of them final.
func (s *shop) ordersDuring(t *testing.T, c client.Client, products []client.Product, happens func()) {
	ctx := within(t, 3*time.Minute)
	const orders = 60
	var mu sync.Mutex
	var ids []string
	half := make(chan struct{})
	var once sync.Once
	var wg sync.WaitGroup
	wg.Go(func() {
		<-half
		happens()
	})
	crowd(orders, 8, func(i int) {
		token := "tok_ok"
		if i%10 == 0 {
			token = "tok_declined"
		}
		key := uuid.NewString()
		o, err := client.Retry(ctx, func(ctx context.Context) (client.Order, error) {
			return c.PlaceOrder(ctx, key, purchase(token, one(products[i%len(products)], 1)), 0)
		})
		assert.NoError(t, err)
		mu.Lock()
		defer mu.Unlock()
		if ids = append(ids, o.ID); len(ids) == orders/3 {
			once.Do(func() { close(half) })
		}
	})
	wg.Wait()
	require.NoError(t, s.WaitReady(ctx))
	for _, id := range ids {
		_, err := c.WaitFinal(ctx, id)
		require.NoError(t, err, id)
	}
}

func TestEveryServiceRestartsInOrder(t *testing.T) {
	s := running
	c, p := s.customer(t), s.product(t, 100, 100)
	before := s.buy(t, c, "tok_ok", one(p, 1))
	for _, app := range []string{"gateway", "user", "product", "cart", "order", "orderquery", "inventory", "payment", "notification"} {
		code, err := s.StopApp(app)
		require.NoError(t, err, app)
		require.Zero(t, code, "%s did not stop in order", app)
		require.NoError(t, s.StartApp(app))
		require.NoError(t, s.WaitAppReady(within(t, time.Minute), app), app)
		require.Equal(t, client.Confirmed, s.buy(t, c, "tok_ok", one(p, 1)).Status, "after the restart of %s", app)
	}
	o, err := c.Order(within(t, 10*time.Second), before.ID)
	require.NoError(t, err)
	require.Equal(t, before, o)
	s.checkBooks(t)
}

func TestTheStoreGoesAndComesBack(t *testing.T) {
	s := running
	c, p := s.customer(t), s.product(t, 100, 100)
	ctx := within(t, 2*time.Minute)
	s.KillRedis()
	key := uuid.NewString()
	_, header, err := c.Do(ctx, client.Request{
		Method: http.MethodPost, Path: "/api/orders", Header: http.Header{"Idempotency-Key": {key}}, Body: purchase("tok_ok", one(p, 1)),
	}, nil)
	requireProblem(t, err, 503, "unavailable")
	require.NotEmpty(t, header.Get("Retry-After"))
	_, err = c.Order(ctx, uuid.NewString())
	requireProblem(t, err, 503, "unavailable")

	require.NoError(t, s.StartRedis(ctx))
	o, err := client.Retry(ctx, func(ctx context.Context) (client.Order, error) {
		return c.PlaceOrder(ctx, key, purchase("tok_ok", one(p, 1)), 0)
	})
	require.NoError(t, err)
	o, err = c.WaitFinal(ctx, o.ID)
	require.NoError(t, err)
	require.Equal(t, client.Confirmed, o.Status)
	s.checkBooks(t)
}

// What cannot be handled is parked with its reason, keeps nobody up, and can be replayed.
func TestPoisonIsParkedWhereTheOperatorFindsIt(t *testing.T) {
	s := running
	c, p := s.customer(t), s.product(t, 100, 100)
	ctx := within(t, time.Minute)
	marker := uuid.NewString()
	for _, data := range []string{
		`{"specversion":"1.0","id":"` + marker + `","type":"order.eaten.v1","source":"/services/order","data":{}}`,
		`{"specversion":"1.0","id":"` + marker + `-2","type":"order.confirmed.v1","source":"/services/order","data":"` + marker + `"}`,
	} {
		s.publish(t, "orders", data)
	}
	require.Equal(t, client.Confirmed, s.buy(t, c, "tok_ok", one(p, 1)).Status)
	for _, service := range []string{"inventory", "payment", "orderquery", "notification", "cart"} {
		require.EventuallyWithT(t, func(t *assert.CollectT) {
			letters, err := s.admin.DeadLetters(ctx, service)
			assert.NoError(t, err)
			found := 0
			for _, letter := range letters {
				if bytes.Contains(letter.Event, []byte(marker)) {
					found++
					assert.NotEmpty(t, letter.Reason)
				}
			}
			assert.Equal(t, 2, found, service)
		}, 20*time.Second, 100*time.Millisecond)
	}
	letters, err := s.admin.DeadLetters(ctx, "inventory")
	require.NoError(t, err)
	requireProblem(t, s.admin.ReplayDeadLetter(ctx, "inventory", letters[0].ID), 409, "conflict")
	_, err = c.DeadLetters(ctx, "inventory")
	requireProblem(t, err, 403, "forbidden")
	s.checkBooks(t)
}

func (s *shop) publish(t *testing.T, topic, cloudEvent string) {
	require.True(t, json.Valid([]byte(cloudEvent)))
	req, err := http.NewRequestWithContext(within(t, 10*time.Second), http.MethodPost,
		s.SidecarURL("order")+"/v1.0/publish/pubsub/"+topic, bytes.NewBufferString(cloudEvent))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/cloudevents+json")
	res, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	require.Equal(t, http.StatusNoContent, res.StatusCode, fmt.Sprint(res.Status))
}
