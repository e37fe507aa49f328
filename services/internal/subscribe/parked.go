package subscribe

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/gorilla/mux"

	"github.com/sidecart/sidecart/services/internal/event"
	"github.com/sidecart/sidecart/services/internal/journal"
	"github.com/sidecart/sidecart/services/internal/problem"
	"github.com/sidecart/sidecart/services/internal/serve"
	"github.com/sidecart/sidecart/services/internal/state"
)

// Letter is an event that could not be handled, kept with the reason: a dead letter.
type Letter struct {
	ID       string          `json:"id"`
	Topic    string          `json:"topic"`
	Reason   string          `json:"reason"`
	Event    json.RawMessage `json:"event"`
	ParkedAt time.Time       `json:"parkedAt"`
	Replayed bool            `json:"replayed,omitempty"`
}

// Parked keeps a service's dead letters in its own state until an operator replays them.
type Parked struct {
	store  state.Store
	list   *journal.Journal
	topics map[string]Topic
}

// NewParked keeps dead letters in the service's store.
func NewParked(store state.Store) *Parked {
	return &Parked{store: store, list: journal.New(store, "parked"), topics: map[string]Topic{}}
}

func letterKey(id string) string { return "parked-" + id }

// park keeps an event once, however often it is delivered.
func (p *Parked) park(ctx context.Context, topic string, raw json.RawMessage, reason error) error {
	if !json.Valid(raw) || raw == nil {
		quoted, err := json.Marshal(string(raw))
		if err != nil {
			return err
		}
		raw = quoted
	}
	id := uuid.NewSHA1(uuid.NameSpaceURL, append([]byte(topic+"/"), raw...)).String()
	_, known, err := state.Read[Letter](ctx, p.store, letterKey(id))
	if err != nil {
		return err
	}
	if !known {
		if err := p.list.Append(ctx, id); err != nil {
			return err
		}
	}
	_, err = state.Update(ctx, p.store, letterKey(id), func(l *Letter, exists bool) (bool, error) {
		if exists && !l.Replayed {
			return false, nil
		}
		*l = Letter{ID: id, Topic: topic, Reason: reason.Error(), Event: raw, ParkedAt: time.Now().UTC()}
		return true, nil
	})
	return err
}

// Letters lists the dead letters that wait for an operator.
func (p *Parked) Letters(ctx context.Context) ([]Letter, error) {
	letters := []Letter{}
	seen := map[string]bool{}
	err := p.list.All(ctx, func(ids []string) error {
		keys := make([]string, len(ids))
		for i, id := range ids {
			keys[i] = letterKey(id)
		}
		items, err := p.store.GetMany(ctx, keys)
		if err != nil {
			return err
		}
		for _, item := range items {
			letter, err := state.Decode[Letter](item)
			if err != nil {
				return err
			}
			if item.Exists() && !letter.Replayed && !seen[letter.ID] {
				seen[letter.ID] = true
				letters = append(letters, letter)
			}
		}
		return nil
	})
	return letters, err
}

// Routes serves the operator's calls; guard lets only an administrator pass.
func (p *Parked) Routes(router *mux.Router, guard func(serve.Handler) serve.Handler) {
	router.Path("/dead-letters").Methods(http.MethodGet).Handler(guard(func(w http.ResponseWriter, r *http.Request) error {
		letters, err := p.Letters(r.Context())
		if err != nil {
			return err
		}
		return problem.WriteJSON(w, http.StatusOK, map[string]any{"items": letters})
	}))
	router.Path("/dead-letters/replay").Methods(http.MethodPost).Handler(guard(func(w http.ResponseWriter, r *http.Request) error {
		letter, err := p.replay(r.Context(), r.URL.Query().Get("id"))
		if err != nil {
			return err
		}
		return problem.WriteJSON(w, http.StatusOK, letter)
	}))
}

// replay handles a dead letter as if it came now; when it is poison still, it stays parked.
func (p *Parked) replay(ctx context.Context, id string) (Letter, error) {
	letter, exists, err := state.Read[Letter](ctx, p.store, letterKey(id))
	if err != nil {
		return letter, err
	}
	topic, known := p.topics[letter.Topic]
	if !exists || !known {
		return letter, problem.New(problem.NotFound, "no such dead letter")
	}
	e, wanted, err := topic.decode(letter.Event)
	if err == nil && wanted {
		err = topic.safely(ctx, []event.Event{e})[0]
	}
	if err != nil {
		return letter, &problem.Error{Code: problem.Conflict, Detail: "it still cannot be handled: " + letter.Reason, Cause: err}
	}
	return state.Update(ctx, p.store, letterKey(id), func(l *Letter, _ bool) (bool, error) {
		l.Replayed = true
		return true, nil
	})
}
