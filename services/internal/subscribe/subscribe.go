// Package subscribe receives events from the sidecar, in bulk only: daprd has been seen to
// acknowledge single deliveries to a dead app, but never bulk ones (DESIGN R7).
package subscribe

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/gorilla/mux"

	"github.com/sidecart/sidecart/services/internal/event"
	"github.com/sidecart/sidecart/services/internal/journal"
	"github.com/sidecart/sidecart/services/internal/problem"
	"github.com/sidecart/sidecart/services/internal/serve"
	"github.com/sidecart/sidecart/services/internal/state"
)

// Topic is how a service hears one topic.
type Topic struct {
	Name string
	// Types that Handle is given.
	Types []string
	// Ignored are types that are known and of no interest here. Any other type is parked.
	Ignored []string
	// Handle answers an error (or nil) for each event: nil acknowledges, an event.ErrPoison
	// parks, any other error has the event delivered again. The events can come in any
	// order and more than once, also twice in one batch.
	Handle func(ctx context.Context, events []event.Event) []error
}

// Receiver turns the sidecar's bulk calls into calls of Topic.Handle, and keeps what cannot be handled as
// dead letters in the service's own state until an operator replays them.
type Receiver struct {
	store  state.Store
	log    *slog.Logger
	parked *journal.Journal
	topics map[string]Topic
}

// New keeps dead letters in the service's store.
func New(store state.Store, log *slog.Logger) *Receiver {
	return &Receiver{store, log, journal.New(store, "parked"), map[string]Topic{}}
}

// Mount serves each topic at /events/<name>, the route that components/subscriptions.yaml names, and
// the operator's calls; guard lets only an administrator pass.
func (r *Receiver) Mount(router *mux.Router, guard func(serve.Handler) serve.Handler, topics ...Topic) {
	for _, topic := range topics {
		r.topics[topic.Name] = topic
		router.Path("/events/" + topic.Name).Methods(http.MethodPost).Handler(serve.Handler(func(w http.ResponseWriter, req *http.Request) error {
			return r.receive(w, req, topic)
		}))
	}
	router.Path("/dead-letters").Methods(http.MethodGet).Handler(guard(r.listLetters))
	router.Path("/dead-letters/replay").Methods(http.MethodPost).Handler(guard(r.replayLetter))
}

// entry of a bulk delivery (Dapr docs, "Publish and subscribe to bulk messages").
type entry struct {
	EntryID string
	Event   json.RawMessage
}

// maxDelivery bounds the body of a bulk call, in bytes.
const maxDelivery = 64 << 20

// receive answers a status for each entry. After any other answer the sidecar sends the whole call again.
func (r *Receiver) receive(w http.ResponseWriter, req *http.Request, topic Topic) error {
	var delivery struct{ Entries []entry }
	if err := json.NewDecoder(http.MaxBytesReader(w, req.Body, maxDelivery)).Decode(&delivery); err != nil {
		return fmt.Errorf("not a bulk delivery: %w", err)
	}
	statuses := make([]map[string]string, len(delivery.Entries))
	for i, err := range r.handle(req.Context(), topic, delivery.Entries) {
		statuses[i] = map[string]string{"entryId": delivery.Entries[i].EntryID, "status": "SUCCESS"}
		if err != nil {
			r.log.WarnContext(req.Context(), "event is to be delivered again", "topic", topic.Name, "error", err)
			statuses[i]["status"] = "RETRY"
		}
	}
	return problem.WriteJSON(w, http.StatusOK, map[string]any{"statuses": statuses})
}

// handle answers nil for each entry that is handled or parked.
func (r *Receiver) handle(ctx context.Context, topic Topic, entries []entry) []error {
	errs := make([]error, len(entries))
	var events []event.Event
	var at []int
	for i, entry := range entries {
		e, wanted, err := topic.decode(entry.Event)
		if errs[i] = err; wanted {
			events, at = append(events, e), append(at, i)
		}
	}
	if len(events) > 0 {
		for i, err := range topic.safely(events[0].Extract(ctx), events) {
			errs[at[i]] = err
		}
	}
	for i, err := range errs {
		if errors.Is(err, event.ErrPoison) {
			errs[i] = r.park(ctx, topic.Name, entries[i].Event, err)
		}
	}
	return errs
}

func (t Topic) decode(raw json.RawMessage) (e event.Event, wanted bool, err error) {
	if err := json.Unmarshal(raw, &e); err != nil {
		return e, false, event.Poison("not a CloudEvent: %w", err)
	}
	if wanted = slices.Contains(t.Types, e.Type); !wanted && !slices.Contains(t.Ignored, e.Type) {
		err = event.Poison("unknown type %q on topic %s", e.Type, t.Name)
	}
	return e, wanted, err
}

// safely contains a panic: the batch is tried event by event then, and the one that panics is
// poison, so that it neither stops the others nor comes back for ever.
func (t Topic) safely(ctx context.Context, events []event.Event) (errs []error) {
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		slog.ErrorContext(ctx, "event handler panicked", "topic", t.Name, "panic", fmt.Sprint(p))
		if len(events) == 1 {
			errs = []error{event.Poison("handler panicked on %s %s", events[0].Type, events[0].ID)}
			return
		}
		errs = Each(func(ctx context.Context, e event.Event) error { return t.safely(ctx, []event.Event{e})[0] })(ctx, events)
	}()
	return t.Handle(ctx, events)
}

// Each makes a Handle of a function for one event.
func Each(handle func(ctx context.Context, e event.Event) error) func(context.Context, []event.Event) []error {
	return func(ctx context.Context, events []event.Event) []error {
		errs := make([]error, len(events))
		for i, e := range events {
			errs[i] = handle(ctx, e)
		}
		return errs
	}
}

// Letter is an event that could not be handled, kept with the reason: a dead letter.
type Letter struct {
	ID       string          `json:"id"`
	Topic    string          `json:"topic"`
	Reason   string          `json:"reason"`
	Event    json.RawMessage `json:"event"`
	ParkedAt time.Time       `json:"parkedAt"`
	Replayed bool            `json:"replayed,omitempty"`
}

func letterKey(id string) string { return "parked-" + id }

// park keeps an event once, however often it is delivered.
func (r *Receiver) park(ctx context.Context, topic string, raw json.RawMessage, reason error) error {
	if raw == nil {
		raw = json.RawMessage("null")
	}
	id := uuid.NewSHA1(uuid.NameSpaceURL, append([]byte(topic+"/"), raw...)).String()
	letter, known, err := state.Read[Letter](ctx, r.store, letterKey(id))
	if err != nil || (known && !letter.Replayed) {
		return err
	}
	if !known {
		if err := r.parked.Append(ctx, id); err != nil {
			return err
		}
	}
	_, err = state.Update(ctx, r.store, letterKey(id), func(l *Letter, _ bool) (bool, error) {
		*l = Letter{ID: id, Topic: topic, Reason: reason.Error(), Event: raw, ParkedAt: time.Now().UTC()}
		return true, nil
	})
	return err
}

// Letters lists the dead letters that wait for an operator.
func (r *Receiver) Letters(ctx context.Context) ([]Letter, error) {
	letters := []Letter{}
	seen := map[string]bool{}
	err := r.parked.All(ctx, func(ids []string) error {
		listed, err := state.ReadMany[Letter](ctx, r.store, ids, letterKey)
		for _, letter := range listed {
			if letter.ID != "" && !letter.Replayed && !seen[letter.ID] {
				seen[letter.ID] = true
				letters = append(letters, letter)
			}
		}
		return err
	})
	return letters, err
}

func (r *Receiver) listLetters(w http.ResponseWriter, req *http.Request) error {
	letters, err := r.Letters(req.Context())
	if err != nil {
		return err
	}
	return problem.WriteJSON(w, http.StatusOK, map[string]any{"items": letters})
}

// replayLetter handles a dead letter as if it came now; when it is poison still, it stays parked.
func (r *Receiver) replayLetter(w http.ResponseWriter, req *http.Request) error {
	ctx, key := req.Context(), letterKey(req.URL.Query().Get("id"))
	letter, exists, err := state.Read[Letter](ctx, r.store, key)
	if err != nil {
		return err
	}
	topic, known := r.topics[letter.Topic]
	if !exists || !known {
		return problem.New(problem.NotFound, "no such dead letter")
	}
	e, wanted, err := topic.decode(letter.Event)
	if err == nil && wanted {
		err = topic.safely(ctx, []event.Event{e})[0]
	}
	if err != nil {
		return &problem.Error{Code: problem.Conflict, Detail: "it still cannot be handled: " + letter.Reason, Cause: err}
	}
	letter, err = state.Update(ctx, r.store, key, func(l *Letter, _ bool) (bool, error) {
		l.Replayed = true
		return true, nil
	})
	if err != nil {
		return err
	}
	return problem.WriteJSON(w, http.StatusOK, letter)
}
