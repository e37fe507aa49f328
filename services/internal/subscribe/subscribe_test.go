package subscribe_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/gorilla/mux"
	"github.com/stretchr/testify/require"

	"github.com/sidecart/sidecart/services/internal/event"
	"github.com/sidecart/sidecart/services/internal/serve"
	"github.com/sidecart/sidecart/services/internal/state/statetest"
	"github.com/sidecart/sidecart/services/internal/subscribe"
)

// service hears one topic; what its handler does with an event is written in the event's subject.
type service struct {
	t       *testing.T
	router  *mux.Router
	memory  *statetest.Memory
	hears   *subscribe.Receiver
	handled map[string]int
	healed  bool
}

func newService(t *testing.T) *service {
	s := &service{t: t, router: mux.NewRouter(), memory: statetest.NewMemory(), handled: map[string]int{}}
	s.hears = subscribe.New(s.memory, slog.New(slog.DiscardHandler))
	s.hears.Mount(s.router, func(h serve.Handler) serve.Handler { return h }, subscribe.Topic{
		Name: "things", Types: []string{"thing.made.v1"}, Ignored: []string{"thing.seen.v1"},
		Handle: subscribe.Each(func(_ context.Context, e event.Event) error {
			if s.healed {
				return nil
			}
			switch e.Subject {
			case "poison":
				return event.Poison("it never works")
			case "panic":
				panic("at the disco")
			case "later":
				return errors.New("not now")
			}
			s.handled[e.Subject]++
			return nil
		}),
	})
	return s
}

func made(subject string) string {
	return fmt.Sprintf(`{"specversion":"1.0","id":%q,"type":"thing.made.v1","source":"x","subject":%q,"data":{}}`, subject, subject)
}

func (s *service) deliver(events ...string) []string {
	type entry struct {
		EntryID string          `json:"entryId"`
		Event   json.RawMessage `json:"event"`
	}
	entries := make([]entry, len(events))
	for i, e := range events {
		entries[i] = entry{fmt.Sprint("entry-", i), json.RawMessage(e)}
	}
	body, err := json.Marshal(map[string]any{"entries": entries})
	require.NoError(s.t, err)
	w := s.post("/events/things", body)
	require.Equal(s.t, http.StatusOK, w.Code)
	var answer struct {
		Statuses []struct{ EntryID, Status string }
	}
	require.NoError(s.t, json.Unmarshal(w.Body.Bytes(), &answer))
	require.Len(s.t, answer.Statuses, len(events), "one status for each entry")
	statuses := make([]string, len(events))
	for i, status := range answer.Statuses {
		require.Equal(s.t, entries[i].EntryID, status.EntryID)
		statuses[i] = status.Status
	}
	return statuses
}

func (s *service) post(path string, body []byte) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	s.router.ServeHTTP(w, httptest.NewRequest(http.MethodPost, path, bytes.NewReader(body)))
	return w
}

func (s *service) letters() map[string]subscribe.Letter {
	list, err := s.hears.Letters(s.t.Context())
	require.NoError(s.t, err)
	letters := map[string]subscribe.Letter{}
	for _, l := range list {
		letters[string(l.Event)] = l
	}
	require.Len(s.t, letters, len(list), "parked twice")
	return letters
}

func TestEachEntryGetsItsOwnAnswer(t *testing.T) {
	s := newService(t)
	unknown := `{"specversion":"1.0","id":"u","type":"thing.eaten.v1","source":"x","data":{}}`
	seen := `{"specversion":"1.0","id":"s","type":"thing.seen.v1","source":"x","data":{}}`
	batch := []string{made("good"), made("poison"), made("later"), `"not a CloudEvent"`, unknown, seen, made("panic"), `null`}
	want := []string{"SUCCESS", "SUCCESS", "RETRY", "SUCCESS", "SUCCESS", "SUCCESS", "SUCCESS", "SUCCESS"}
	require.Equal(t, want, s.deliver(batch...))
	require.Equal(t, want, s.deliver(batch...), "delivered again")
	require.Equal(t, 2, min(s.handled["good"], 2))
	letters := s.letters()
	require.Len(t, letters, 5)
	require.Contains(t, letters[unknown].Reason, "thing.eaten.v1")
	require.Contains(t, letters[made("poison")].Reason, "it never works")
	require.Contains(t, letters[made("panic")].Reason, "panicked")
}

// An event is only acknowledged when it is parked for certain.
func TestPoisonThatCannotBeParkedComesAgain(t *testing.T) {
	s := newService(t)
	s.memory.Fault = func(key string, _ bool) error {
		if key != "" {
			return errors.New("the store is down")
		}
		return nil
	}
	require.Equal(t, []string{"SUCCESS", "RETRY"}, s.deliver(made("good"), made("poison")))
	s.memory.Fault = nil
	require.Equal(t, []string{"SUCCESS"}, s.deliver(made("poison")))
	require.Len(t, s.letters(), 1)
}

func TestAnOperatorReplays(t *testing.T) {
	s := newService(t)
	s.deliver(made("poison"))
	id := s.letters()[made("poison")].ID
	require.Equal(t, http.StatusConflict, s.post("/dead-letters/replay?id="+id, nil).Code, "still poison")
	require.Len(t, s.letters(), 1)
	s.healed = true
	require.Equal(t, http.StatusOK, s.post("/dead-letters/replay?id="+id, nil).Code)
	require.Empty(t, s.letters())
	require.Equal(t, http.StatusNotFound, s.post("/dead-letters/replay?id=nope", nil).Code)
	s.healed = false
	s.deliver(made("poison"))
	require.Len(t, s.letters(), 1, "it failed again after it had been replayed")
}

func TestAnEnvelopeThatIsNoneIsRefusedAsAWhole(t *testing.T) {
	require.Equal(t, http.StatusInternalServerError, newService(t).post("/events/things", []byte("{")).Code)
}
