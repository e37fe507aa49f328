package api

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
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
	mu    sync.Mutex
	chans map[string][]chan struct{}
}

// NewWaiters makes an empty set.
func NewWaiters() *Waiters { return &Waiters{chans: map[string][]chan struct{}{}} }

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

// Wait returns when final answers true, or after the given time.
func (w *Waiters) Wait(ctx context.Context, id string, most time.Duration, final func(context.Context, string) (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	for {
		told := w.add(id)
		done, err := final(context.WithoutCancel(ctx), id)
		if done || err != nil || ctx.Err() != nil {
			w.remove(id, told)
			return err
		}
		timer := time.NewTimer(lookEvery)
		select {
		case <-told:
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
		w.remove(id, told)
	}
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
