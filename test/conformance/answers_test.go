//go:build conformance

package conformance

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// testMixedAnswers: entries that were not acknowledged come again, and only they.
func testMixedAnswers(t *testing.T, r *room, _ PubSub) {
	c := r.consumer(t, "inventory", "catalog")
	events := tries("catalog", 60, 1)
	answers := map[string][]verdict{} // of the first attempts; then success
	for i, e := range events {
		answers[e.ID] = [][]verdict{{}, {retry, retry}, {silence}}[i%3]
	}
	attempts := map[string]int{} // a sidecar delivers one batch of a topic at a time
	w := r.follow(events, only(c, func(_ context.Context, d delivery) verdict {
		attempt := attempts[d.event.ID]
		attempts[d.event.ID]++
		if attempt < len(answers[d.event.ID]) {
			return answers[d.event.ID][attempt]
		}
		return success
	}))
	r.publish(t, "catalog", events...)
	w.await(t, patience, w.handledBy(c))
	calls := map[string]map[verdict]bool{}
	for _, d := range w.all() {
		if d.by != c {
			continue
		}
		if calls[d.call] == nil {
			calls[d.call] = map[verdict]bool{}
		}
		calls[d.call][d.answer] = true
	}
	mixed := 0
	for _, answers := range calls {
		if answers[success] && len(answers) > 1 {
			mixed++
		}
	}
	require.Positive(t, mixed, "no batch had different answers: nothing was tried")
	for id, answers := range answers {
		require.Equal(t, len(answers)+1, attempts[id], "deliveries of an event that was answered %q first", answers)
	}
}

// testStandstill: while one topic is not acknowledged, others are, or are not, by the engine.
func testStandstill(t *testing.T, r *room, features PubSub) {
	c := r.consumer(t, "order", "checkout", "payments")
	var released atomic.Bool
	stuck, free := tries("checkout", 1, 1), tries("payments", 10, 1)
	standing := r.follow(stuck, only(c, func(context.Context, delivery) verdict {
		if released.Load() {
			return success
		}
		return retry
	}))
	r.publish(t, "checkout", stuck...)
	standing.await(t, patience, standing.arrivedAt(c))
	going := r.follow(free, nil)
	r.publish(t, "payments", free...)
	if features.StopsOthers {
		<-time.After(3 * time.Second) // so long nothing comes
		require.Empty(t, going.all(), "the table of features is out of date")
	} else {
		going.await(t, 10*time.Second, going.handledBy(c))
	}
	released.Store(true)
	standing.await(t, patience, standing.handledBy(c))
	going.await(t, patience, going.handledBy(c))
}
