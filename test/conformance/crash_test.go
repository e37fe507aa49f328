//go:build conformance

package conformance

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// gate lets nothing pass until it is open: a delivery stays without an answer until its caller is gone.
type gate struct {
	open atomic.Bool
	once sync.Once
	held chan struct{} // closed when a delivery waits
}

func newGate() *gate { return &gate{held: make(chan struct{})} }

func (g *gate) decide(ctx context.Context, _ delivery) verdict {
	if !g.open.Load() {
		g.once.Do(func() { close(g.held) })
		<-ctx.Done()
	}
	return success
}

// await waits until a delivery waits.
func (g *gate) await(t *testing.T) {
	t.Helper()
	select {
	case <-g.held:
	case <-time.After(patience):
		t.Fatal("nothing was delivered")
	}
}

// testAppKilled: one delivery is being handled and 50 others are on their way.
func testAppKilled(t *testing.T, r *room, _ PubSub) {
	c := r.consumer(t, "cart", "catalog")
	gate := newGate()
	first, others := tries("catalog", 1, 1), tries("catalog", 50, 1)
	one := r.follow(first, only(c, gate.decide))
	r.publish(t, "catalog", first...)
	gate.await(t)
	rest := r.follow(others, nil)
	r.publish(t, "catalog", others...)
	c.kill9()
	gate.open.Store(true)
	<-time.After(10 * time.Second) // this long it is away
	c.startApp(t)
	back := time.Now()
	one.await(t, patience, one.handledBy(c))
	rest.await(t, patience, rest.handledBy(c))
	// From the restart.
	measured(t, "app-recovery", later(one.last(c), rest.last(c)).Sub(back))
}

func testSidecarKilled(t *testing.T, r *room, features PubSub) {
	c := r.consumer(t, "orderquery", "checkout")
	gate := newGate()
	events := tries("checkout", 50, 1)
	w := r.follow(events, only(c, gate.decide))
	r.publish(t, "checkout", events...)
	gate.await(t)
	c.sidecar.Kill9()
	killed := time.Now()
	gate.open.Store(true)
	c.restartSidecar(t)
	w.await(t, patience, w.handledBy(c))
	// From the kill; the restart is part of it.
	measured(t, "sidecar-recovery", w.last(c).Sub(killed))
}

func testReplicas(t *testing.T, r *room, features PubSub) {
	one := r.consumer(t, "payment", "orders")
	two := r.start(t, "payment")
	r.hears(t, two, "orders")
	r.hears(t, one, "orders")
	t.Run("work is seen on both", func(t *testing.T) {
		events := tries("orders", 200, 1)
		w := r.follow(events, nil)
		for from := 0; from < len(events); from += 10 {
			r.publish(t, "orders", events[from:from+10]...)
		}
		w.await(t, patience, w.handled("payment"))
		w.await(t, patience, w.arrivedAt(one))
		w.await(t, patience, w.arrivedAt(two))
		requireShared(t, w, "payment")
	})
	t.Run("what a dead one was working on is taken over", func(t *testing.T) {
		events := tries("orders", 50, 1)
		gate := newGate()
		w := r.follow(events, only(two, gate.decide))
		r.publish(t, "orders", events...)
		gate.await(t)
		two.kill9()
		two.sidecar.Kill9()
		killed := time.Now()
		w.await(t, features.Takeover, w.handledBy(one))
		measured(t, "takeover", w.last(one).Sub(killed))
	})
}
