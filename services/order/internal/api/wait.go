package api

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/sidecart/sidecart/services/order/internal/order"
)

// maxWait bounds Prefer: wait; more is taken as this much.
const maxWait = 30 * time.Second

// wait reads the request's preference to wait (RFC 7240 §4.3); what does not parse is no preference (§2).
func wait(r *http.Request) (time.Duration, bool) {
	for _, header := range r.Header.Values("Prefer") {
		for _, preference := range strings.Split(header, ",") {
			name, value, _ := strings.Cut(strings.TrimSpace(preference), "=")
			seconds, err := strconv.Atoi(strings.Trim(strings.TrimSpace(value), `"`))
			if strings.EqualFold(strings.TrimSpace(name), "wait") && err == nil && seconds >= 0 {
				return min(time.Duration(min(seconds, 3600))*time.Second, maxWait), true
			}
		}
	}
	return 0, false
}

// Waiters are the requests that wait for their order. Being told is only quicker than
// looking: another replica may be the one that drives the order.
type Waiters struct {
	// stopping ends all waiting, so that the service can stop in time.
	stopping <-chan struct{}

	mu    sync.Mutex
	chans map[string][]chan struct{}
}

// NewWaiters makes an empty set, of which nobody waits any longer when stopping is closed.
func NewWaiters(stopping <-chan struct{}) *Waiters {
	return &Waiters{stopping: stopping, chans: map[string][]chan struct{}{}}
}

// Wake tells those who wait for the order to look.
func (w *Waiters) Wake(id string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.chans[id] {
		close(c)
	}
	delete(w.chans, id)
}

// lookEvery is how often a waiter looks without having been told.
const lookEvery = 500 * time.Millisecond

// Wait returns the order when it is final, or as it is after the given time.
func (w *Waiters) Wait(ctx context.Context, most time.Duration, o order.Order, look func(context.Context, string) (order.Order, error)) (order.Order, error) {
	waiting, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	go func() {
		select {
		case <-w.stopping:
			cancel()
		case <-waiting.Done():
		}
	}()
	for !o.Final() && waiting.Err() == nil {
		told := w.add(o.OrderID)
		// Look after having registered: it may have become final in between.
		now, err := look(ctx, o.OrderID)
		if err != nil || now.Final() {
			w.remove(o.OrderID, told)
			return now, err
		}
		timer := time.NewTimer(lookEvery)
		select {
		case <-told:
		case <-timer.C:
		case <-waiting.Done():
		}
		timer.Stop()
		w.remove(o.OrderID, told)
		o = now
	}
	return o, nil
}

func (w *Waiters) add(id string) chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	c := make(chan struct{})
	w.chans[id] = append(w.chans[id], c)
	return c
}

func (w *Waiters) remove(id string, c chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var left []chan struct{}
	for _, other := range w.chans[id] {
		if other != c {
			left = append(left, other)
		}
	}
	if w.chans[id] = left; len(left) == 0 {
		delete(w.chans, id)
	}
}
