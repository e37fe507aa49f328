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

	"github.com/gorilla/mux"

	"github.com/sidecart/sidecart/services/internal/event"
	"github.com/sidecart/sidecart/services/internal/problem"
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

// Receiver turns the sidecar's bulk calls into calls of Topic.Handle.
type Receiver struct {
	Parked *Parked
	Log    *slog.Logger
}

// Mount serves a topic at /events/<name>, the route that components/subscriptions.yaml names.
func (r *Receiver) Mount(router *mux.Router, topics ...Topic) {
	for _, topic := range topics {
		r.Parked.topics[topic.Name] = topic
		router.Path("/events/" + topic.Name).Methods(http.MethodPost).HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			r.receive(w, req, topic)
		})
	}
}

// bulk is the envelope of a bulk delivery (Dapr docs, "Publish and subscribe to bulk messages").
type bulk struct {
	Entries []entry `json:"entries"`
}

type entry struct {
	ID    string          `json:"entryId"`
	Event json.RawMessage `json:"event"`
}

type entryStatus struct {
	ID     string `json:"entryId"`
	Status string `json:"status"`
}

// maxDelivery bounds the body of a bulk call, in bytes.
const maxDelivery = 64 << 20

func (r *Receiver) receive(w http.ResponseWriter, req *http.Request, topic Topic) {
	var delivery bulk
	if err := json.NewDecoder(http.MaxBytesReader(w, req.Body, maxDelivery)).Decode(&delivery); err != nil {
		// The sidecar keeps the whole call and sends it again.
		problem.Write(w, &problem.Error{Code: problem.Internal, Detail: "not a bulk delivery", Cause: err})
		return
	}
	raws := make([]json.RawMessage, len(delivery.Entries))
	for i, e := range delivery.Entries {
		raws[i] = e.Event
	}
	answer := struct {
		Statuses []entryStatus `json:"statuses"`
	}{make([]entryStatus, len(raws))}
	for i, err := range r.handle(req.Context(), topic, raws) {
		answer.Statuses[i] = entryStatus{delivery.Entries[i].ID, "SUCCESS"}
		if err != nil {
			r.Log.WarnContext(req.Context(), "event is to be delivered again", "topic", topic.Name, "error", err)
			answer.Statuses[i].Status = "RETRY"
		}
	}
	_ = problem.WriteJSON(w, http.StatusOK, answer)
}

// handle answers nil for each entry that is handled or parked.
func (r *Receiver) handle(ctx context.Context, topic Topic, raws []json.RawMessage) []error {
	errs := make([]error, len(raws))
	var events []event.Event
	var at []int
	for i, raw := range raws {
		e, wanted, err := topic.decode(raw)
		if err != nil {
			errs[i] = err
		} else if wanted {
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
			errs[i] = r.Parked.park(ctx, topic.Name, raws[i], err)
		}
	}
	return errs
}

func (t Topic) decode(raw json.RawMessage) (e event.Event, wanted bool, err error) {
	if err := json.Unmarshal(raw, &e); err != nil {
		return e, false, event.Poison("not a CloudEvent: %w", err)
	}
	for _, kind := range t.Types {
		if kind == e.Type {
			return e, true, nil
		}
	}
	for _, kind := range t.Ignored {
		if kind == e.Type {
			return e, false, nil
		}
	}
	return e, false, event.Poison("unknown type %q on topic %s", e.Type, t.Name)
}

// safely contains a panic: the batch is tried event by event, and the one that panics is
// poison, so that it neither stops the others nor comes back for ever.
func (t Topic) safely(ctx context.Context, events []event.Event) []error {
	errs, panicked := t.try(ctx, events)
	if !panicked {
		return errs
	}
	errs = make([]error, len(events))
	for i, e := range events {
		one, panicked := t.try(ctx, []event.Event{e})
		if panicked {
			one = []error{event.Poison("handler panicked on %s %s", e.Type, e.ID)}
		}
		errs[i] = one[0]
	}
	return errs
}

func (t Topic) try(ctx context.Context, events []event.Event) (errs []error, panicked bool) {
	defer func() {
		if p := recover(); p != nil {
			slog.ErrorContext(ctx, "event handler panicked", "topic", t.Name, "panic", fmt.Sprint(p))
			panicked = true
		}
	}()
	return t.Handle(ctx, events), false
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
