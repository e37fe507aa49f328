//go:build conformance

package conformance

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sidecart/sidecart/test/stack"
)

// attempts count what is done without pause while an engine dies and comes back.
type attempts struct {
	good, bad atomic.Int64
	last      atomic.Pointer[error]
	stop      chan struct{}
	workers   sync.WaitGroup
}

// keepDoing has several workers do something over and over.
func keepDoing(workers int, do func(worker int) error) *attempts {
	a := &attempts{stop: make(chan struct{})}
	for worker := range workers {
		a.workers.Go(func() {
			for {
				select {
				case <-a.stop:
					return
				default:
				}
				if err := do(worker); err != nil {
					a.bad.Add(1)
					a.last.Store(&err)
					continue
				}
				a.good.Add(1)
			}
		})
	}
	return a
}

func (a *attempts) end() {
	close(a.stop)
	a.workers.Wait()
}

// more waits for so many more successes.
func (a *attempts) more(t *testing.T, number int64) {
	t.Helper()
	goal := a.good.Load() + number
	require.Eventually(t, func() bool { return a.good.Load() >= goal }, patience, 5*time.Millisecond, "the engine is up, but nothing works")
}

// outage kills a server under the attempts, has it away for 2 s, and answers when it was back.
func outage(t *testing.T, server *stack.Server, a *attempts) (back time.Time) {
	t.Helper()
	a.more(t, 50)
	before := a.bad.Load()
	server.Kill9()
	<-time.After(2 * time.Second) // so long it is away
	require.Greater(t, a.bad.Load(), before, "nobody has noticed that the engine was gone")
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	require.NoError(t, server.Start(ctx))
	return time.Now()
}

// TestBrokerKilled: what the sidecar said the broker has is handled, though the broker died before
// anything was acknowledged to it.
func TestBrokerKilled(t *testing.T) {
	r := newRoom(t)
	c := r.consumer(t, "payment", "orders")
	released := make(chan struct{})
	w := newWatch(func(ctx context.Context, _ delivery) verdict {
		select {
		case <-released:
		case <-ctx.Done():
		}
		return success
	})
	sending := keepDoing(4, func(worker int) error {
		events := tries("orders", []int{1, 1, 10, 40}[worker], 1)
		r.enter(w, events)
		err := r.send("orders", events...)
		if err == nil {
			w.expect(events)
		}
		return err
	})
	back := outage(t, r.Broker(), sending)
	sending.more(t, 1)
	measured(t, "publishing-recovery", time.Since(back))
	sending.more(t, 50)
	sending.end()
	close(released)
	but := 0
	if pubsubFeatures(t).LosesUnconfirmed {
		but = 1
	}
	w.await(t, patience, w.handledButFor(but, c))
	t.Logf("%d events were acknowledged; %d publishes succeeded, %d failed, such as: %s", len(w.events), sending.good.Load(), sending.bad.Load(), *sending.last.Load())
}

// TestStoreKilled: documents that were acknowledged are there, and while the store is away nobody
// is told that they are not.
func TestStoreKilled(t *testing.T) {
	r := newRoom(t)
	c := r.start(t, "order")
	s := storeOf(c, orderState)
	var mu sync.Mutex
	saved := map[string]string{}
	known := key()
	require.Equal(t, http.StatusNoContent, s.save(t, known, `"known"`, ""))
	var lies atomic.Int64
	reading := keepDoing(1, func(int) error {
		status, _, _, err := call(http.MethodGet, s.url+"/"+known, "", nil)
		if status == http.StatusNoContent {
			lies.Add(1)
		}
		return unless(http.StatusOK, status, err)
	})
	writing := keepDoing(4, func(int) error {
		k := key()
		status, err := s.trySave(k, `"`+k+`"`, "", "")
		if err = unless(http.StatusNoContent, status, err); err == nil {
			mu.Lock()
			saved[k] = `"` + k + `"`
			mu.Unlock()
		}
		return err
	})
	if stateFeatures(t).Server {
		back := outage(t, r.Store(), writing)
		writing.more(t, 1)
		measured(t, "store-recovery", time.Since(back))
	}
	writing.more(t, 50)
	c.sidecar.Kill9()
	writing.end()
	reading.end()
	c.restartSidecar(t)
	require.Zero(t, lies.Load(), "a document was said to be absent while the store was away")
	for k, document := range saved {
		_, read, _ := s.get(t, k)
		require.Equal(t, document, read)
	}
	t.Logf("%d documents were acknowledged", len(saved))
}

func unless(expected, status int, err error) error {
	if err == nil && status != expected {
		err = fmt.Errorf("answered with %d", status)
	}
	return err
}
