//go:build conformance

package conformance

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// verdict is what a stand-in service answers for one entry of a bulk delivery.
type verdict string

const (
	success verdict = "SUCCESS"
	retry   verdict = "RETRY"
	silence verdict = ""       // the answer does not name the entry
	dead    verdict = "(dead)" // there was no answer
)

// delivery is one entry of one bulk call.
type delivery struct {
	by      *consumer
	topic   string
	event   event
	call    string // the entries of one call have the same
	answer  verdict
	settled time.Time // when the answer was given
}

// decision answers one entry. It may wait; when the sidecar or the app dies meanwhile, ctx ends.
type decision func(ctx context.Context, d delivery) verdict

// only: the decision is for one replica; all others answer success.
func only(c *consumer, decide decision) decision {
	return func(ctx context.Context, d delivery) verdict {
		if d.by != c {
			return success
		}
		return decide(ctx, d)
	}
}

// watch follows some events on their way.
type watch struct {
	decide decision // nil is success

	mu         sync.Mutex
	events     []event // that have to be handled
	deliveries []*delivery
	changed    chan struct{} // closed at the next change
}

func newWatch(decide decision) *watch { return &watch{decide: decide, changed: make(chan struct{})} }

// expect adds events that have to be handled.
func (w *watch) expect(events []event) {
	w.change(func() { w.events = append(w.events, events...) })
}

func (w *watch) change(do func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	do()
	close(w.changed)
	w.changed = make(chan struct{})
}

// all answers a copy of the deliveries so far, in the order of their beginning.
func (w *watch) all() []delivery {
	w.mu.Lock()
	defer w.mu.Unlock()
	copies := make([]delivery, len(w.deliveries))
	for i, d := range w.deliveries {
		copies[i] = *d
	}
	return copies
}

// await waits until the deliveries are as they should be.
func (w *watch) await(t *testing.T, within time.Duration, should func([]delivery) error) {
	t.Helper()
	limit := time.NewTimer(within)
	defer limit.Stop()
	for {
		w.mu.Lock()
		changed := w.changed
		w.mu.Unlock()
		err := should(w.all())
		if err == nil {
			return
		}
		select {
		case <-changed:
		case <-limit.C:
			t.Fatalf("after %s: %s", within, err)
		}
	}
}

// handled: every event was acknowledged by the app, by whichever of its replicas.
func (w *watch) handled(app string) func([]delivery) error {
	return w.acknowledged("handled by "+app, 0, func(c *consumer) bool { return c.app == app })
}

// handledBy: every event was acknowledged by that very replica.
func (w *watch) handledBy(c *consumer) func([]delivery) error { return w.handledButFor(0, c) }

// handledButFor: as many events at most were not acknowledged by that replica.
func (w *watch) handledButFor(most int, c *consumer) func([]delivery) error {
	return w.acknowledged("handled by this replica of "+c.app, most, func(by *consumer) bool { return by == c })
}

func (w *watch) acknowledged(how string, but int, by func(*consumer) bool) func([]delivery) error {
	return func(all []delivery) error {
		done := map[string]bool{}
		for _, d := range all {
			if by(d.by) && d.answer == success {
				done[d.event.ID] = true
			}
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		var missing []string
		for _, e := range w.events {
			if !done[e.ID] {
				missing = append(missing, e.Subject)
			}
		}
		if len(missing) <= but {
			return nil
		}
		return fmt.Errorf("%d of %d events were not %s: %s", len(missing), len(w.events), how, strings.Join(missing[:min(len(missing), 5)], ", "))
	}
}

// arrivedAt: that very replica was given at least one of the events.
func (w *watch) arrivedAt(c *consumer) func([]delivery) error {
	return func(all []delivery) error {
		for _, d := range all {
			if d.by == c {
				return nil
			}
		}
		return fmt.Errorf("none of %d deliveries was to this replica of %s", len(all), c.app)
	}
}

// last is when the replica had handled the last event for the first time.
func (w *watch) last(c *consumer) time.Time {
	var last time.Time
	seen := map[string]bool{}
	for _, d := range w.all() {
		if d.by == c && d.answer == success && !seen[d.event.ID] {
			seen[d.event.ID] = true
			last = later(last, d.settled)
		}
	}
	return last
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// book knows who watches which event.
type book struct {
	mu      sync.Mutex
	watches map[string]*watch // by event id
}

// follow begins to watch events; they must not be published yet.
func (b *book) follow(events []event, decide decision) *watch {
	w := newWatch(decide)
	w.expect(events)
	b.enter(w, events)
	return w
}

// enter has deliveries of the events noted, whether or not they are expected.
func (b *book) enter(w *watch, events []event) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, e := range events {
		b.watches[e.ID] = w
	}
}

// receive is a stand-in service's handler for bulk deliveries. What nobody watches succeeds.
func (b *book) receive(by *consumer, w http.ResponseWriter, r *http.Request) error {
	var bulk struct {
		ID      string `json:"id"`
		Entries []struct {
			ID    string          `json:"entryId"`
			Event json.RawMessage `json:"event"`
		} `json:"entries"`
	}
	if err := json.NewDecoder(r.Body).Decode(&bulk); err != nil {
		return err
	}
	call := fmt.Sprintf("%p", r)
	watches, deliveries := make([]*watch, len(bulk.Entries)), make([]*delivery, len(bulk.Entries))
	for i, entry := range bulk.Entries {
		d := &delivery{by: by, topic: strings.TrimPrefix(r.URL.Path, "/events/"), call: call, answer: dead}
		if err := json.Unmarshal(entry.Event, &d.event); err != nil {
			return err
		}
		b.mu.Lock()
		watches[i] = b.watches[d.event.ID]
		b.mu.Unlock()
		if deliveries[i] = d; watches[i] != nil {
			watches[i].change(func() { watches[i].deliveries = append(watches[i].deliveries, d) })
		}
	}
	type status struct {
		ID     string  `json:"entryId"`
		Status verdict `json:"status"`
	}
	statuses := []status{}
	for i, d := range deliveries {
		answer := success
		if watches[i] != nil && watches[i].decide != nil {
			answer = watches[i].decide(r.Context(), *d)
		}
		if answer != silence {
			statuses = append(statuses, status{bulk.Entries[i].ID, answer})
		}
		if r.Context().Err() != nil {
			return errors.New("nobody waits for the answer any more")
		}
		if watches[i] != nil {
			defer watches[i].change(func() { d.answer, d.settled = answer, time.Now() })
		}
	}
	return json.NewEncoder(w).Encode(map[string]any{"statuses": statuses})
}
