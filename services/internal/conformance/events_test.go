//go:build conformance

package conformance

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/gorilla/mux"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sidecart/sidecart/services/internal/dapr"
	"github.com/sidecart/sidecart/services/internal/event"
	"github.com/sidecart/sidecart/services/internal/serve"
	"github.com/sidecart/sidecart/services/internal/subscribe"
	"github.com/sidecart/sidecart/test/stack"
)

// reader is a service that handles what it can.
type reader struct {
	mu      sync.Mutex
	handled map[string]int // by event id
	tried   map[string]int
}

const (
	good, poison, unsteady, unheardOf = "user.registered.v1", "user.poisoned.v1", "user.unsteady.v1", "user.unheard.v1"
)

func (r *reader) handle(_ context.Context, e event.Event) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tried[e.ID]++
	switch {
	case e.Type == poison:
		return event.Poison("it never works")
	case e.Type == unsteady && r.tried[e.ID] < 3:
		return errors.New("not yet")
	}
	r.handled[e.ID]++
	return nil
}

func (r *reader) count(id string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.handled[id]
}

// TestPoisonIsParked: it does not come back and does not stop what is behind it, while what fails
// for now is tried until it works.
func TestPoisonIsParked(t *testing.T) {
	bench := stack.NewBenchOn(t, stack.FromEnv())
	r := &reader{handled: map[string]int{}, tried: map[string]int{}}
	var receiver *subscribe.Receiver
	client := service(t, bench, "notification", func(client *dapr.Client, router *mux.Router) {
		receiver = subscribe.New(client.Store("notification-state"), slog.New(slog.DiscardHandler))
		receiver.Mount(router, unguarded, subscribe.Topic{Name: "users", Types: []string{good, poison, unsteady}, Handle: subscribe.Each(r.handle)},
			subscribe.Topic{Name: "orders", Types: []string{good}, Handle: subscribe.Each(r.handle)})
	})
	heard := func() bool {
		e := made(t, good)
		_ = client.Publish(t.Context(), "users", e) // the broker may still be about to make the topic
		return assert.Eventually(new(testing.T), func() bool { return r.count(e.ID) > 0 }, time.Second, 10*time.Millisecond)
	}
	require.Eventually(t, heard, patience, time.Millisecond)

	var events []event.Event
	parkedTypes := map[string]int{}
	for i := range 60 {
		kind := good
		if at := i % 20; at < 3 {
			kind = []string{poison, unsteady, unheardOf}[at]
		}
		if kind == poison || kind == unheardOf {
			parkedTypes[kind]++
		}
		events = append(events, made(t, kind))
	}
	require.NoError(t, client.Publish(t.Context(), "users", events...))
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		for i, e := range events {
			if e.Type == good || e.Type == unsteady {
				assert.Positive(c, r.count(e.ID), "event %d, %s", i, e.Type)
			}
		}
		letters, err := receiver.Letters(t.Context())
		assert.NoError(c, err)
		types := map[string]int{}
		for _, letter := range letters {
			var e event.Event
			assert.NoError(c, json.Unmarshal(letter.Event, &e))
			types[e.Type]++
		}
		assert.Equal(c, parkedTypes, types)
	}, patience, 50*time.Millisecond)
	last := made(t, good)
	require.NoError(t, client.Publish(t.Context(), "users", last))
	require.Eventually(t, func() bool { return r.count(last.ID) > 0 }, patience, 10*time.Millisecond)
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range events {
		if e.Type == poison {
			require.Equal(t, 1, r.tried[e.ID], "poison came again")
		}
	}
}

func made(t *testing.T, kind string) event.Event {
	e, err := event.New("user", kind, uuid.NewString(), 1, time.Now(), map[string]int{"version": 1})
	require.NoError(t, err)
	return e
}

func unguarded(h serve.Handler) serve.Handler { return h }
