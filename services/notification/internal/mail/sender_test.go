package mail

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/sidecart/sidecart/services/internal/state"
	"github.com/sidecart/sidecart/services/internal/state/statetest"
	"github.com/sidecart/sidecart/services/notification/internal/message"
	"github.com/sidecart/sidecart/services/notification/internal/store"
)

// world is a mail server, a user service and a clock, on a store in memory.
type world struct {
	t    require.TestingT
	docs *statetest.Memory
	now  time.Time
	log  strings.Builder

	// sent is how often each note was taken by the mail server.
	sent map[string]int
	// down, noUsers: the mail server, the user service fails.
	down, noUsers bool
	tries         int
	last          map[string]string
	body          string
	// duringSend, when set, is called while a message is on its way.
	duringSend func()
}

func newWorld(t require.TestingT) *world {
	return &world{t: t, docs: statetest.NewMemory(), now: time.Date(2026, 1, 15, 12, 0, 0, 0, time.UTC), sent: map[string]int{}}
}

// SendMail refuses the mailbox named bad.
func (w *world) SendMail(_ context.Context, body []byte, metadata map[string]string) error {
	w.tries++
	w.last, w.body = metadata, string(body)
	if w.duringSend != nil {
		w.duringSend()
	}
	if w.down || strings.HasPrefix(metadata["emailTo"], "bad@") {
		return fmt.Errorf("550 %s rejected", metadata["emailTo"])
	}
	w.sent[metadata["messageId"]]++
	return nil
}

// Address: the customers' ids are their mailboxes here.
func (w *world) Address(_ context.Context, customerID string) (string, error) {
	switch {
	case w.noUsers:
		return "", state.ErrUnavailable
	case customerID == "nobody":
		return "", ErrNoAddress
	}
	return customerID + "@example.com", nil
}

// replica is a process of the service, as it is after its start.
func (w *world) replica() *Sender {
	notes := store.NewNotes(w.docs)
	return &Sender{
		Notes: notes, Outgoing: store.NewOutgoing(notes), Contacts: w, Mailer: w,
		Log: slog.New(slog.NewTextHandler(&w.log, nil)), Now: func() time.Time { return w.now },
	}
}

func (w *world) queue(customerIDs ...string) (ids []string) {
	var notes []message.Note
	for _, customer := range customerIDs {
		notes = append(notes, message.Note{
			ID: uuid.NewString(), Kind: message.OrderConfirmed, Channel: message.Email, CustomerID: customer, Title: "Title", Body: "2 × <Mug>", CreatedAt: w.now,
		})
		ids = append(ids, notes[len(notes)-1].ID)
	}
	require.NoError(w.t, errors.Join(store.NewNotes(w.docs).Keep(context.Background(), notes)...))
	return ids
}

func (w *world) delivery(id string) message.Delivery {
	d, err := store.NewNotes(w.docs).Deliver(context.Background(), id, func(d message.Delivery) (message.Delivery, bool) { return d, false })
	require.NoError(w.t, err)
	return d
}

func TestSendsOnce(t *testing.T) {
	w := newWorld(t)
	ids := w.queue("ann", "bob")
	first, second := w.replica(), w.replica()
	for range 3 {
		require.NoError(t, first.Sweep(t.Context()))
		require.NoError(t, second.Sweep(t.Context()))
		w.now = w.now.Add(time.Hour)
	}
	require.Equal(t, map[string]int{ids[0]: 1, ids[1]: 1}, w.sent)
	require.Equal(t, message.Sent, w.delivery(ids[0]).State)
	require.Equal(t, map[string]string{"emailTo": "bob@example.com", "subject": "Title", "messageId": ids[1]}, w.last)
	require.Contains(t, w.body, "2 × &lt;Mug&gt;")
	require.Contains(t, w.body, ids[1])
}

// While one replica is sending, another leaves the message alone.
func TestTwoReplicasDoNotSendTheSameAtOnce(t *testing.T) {
	w := newWorld(t)
	w.queue("ann")
	other := w.replica()
	w.duringSend = func() {
		w.duringSend = nil
		require.NoError(t, other.Sweep(t.Context()))
	}
	require.NoError(t, w.replica().Sweep(t.Context()))
	require.Equal(t, 1, w.tries)
}

// A bad address is tried a bounded number of times, the others are sent meanwhile, and neither log nor state holds the address.
func TestBadAddress(t *testing.T) {
	w := newWorld(t)
	ids := w.queue("bad", "ann", "nobody", "two;addresses", "line\nbreak")
	s := w.replica()
	for range sweeps {
		require.NoError(t, s.Sweep(t.Context()))
		w.now = w.now.Add(time.Hour)
	}
	require.Equal(t, map[string]int{ids[1]: 1}, w.sent)
	require.Equal(t, message.MostAttempts+1, w.tries)
	for i, want := range map[int]string{0: "the mail server did not take it", 2: "the customer is unknown", 3: "the address cannot be used", 4: "the address cannot be used"} {
		require.Equal(t, message.Failed, w.delivery(ids[i]).State)
		require.Equal(t, want, w.delivery(ids[i]).Reason)
	}
	require.NotContains(t, w.log.String(), "@")
	require.Equal(t, 4, strings.Count(w.log.String(), "given up"))
}

// sweeps, an hour apart are enough to give a message up.
const sweeps = message.MostAttempts + 1

// While the mail server is down a sweep ends after a few tries; when it is back all is sent.
func TestMailServerDown(t *testing.T) {
	w := newWorld(t)
	w.down = true
	ids := w.queue(strings.Split(strings.Repeat("ann ", 30)+"ann", " ")...)
	s := w.replica()
	require.ErrorIs(t, s.Sweep(t.Context()), errPatience)
	require.Equal(t, patience, w.tries)
	w.down = false
	require.NoError(t, s.Sweep(t.Context()))
	require.Len(t, w.sent, len(ids)-patience)
	w.now = w.now.Add(time.Minute)
	require.NoError(t, s.Sweep(t.Context()))
	require.Len(t, w.sent, len(ids))
}

// That the user service is down costs no attempts.
func TestUserServiceDown(t *testing.T) {
	w := newWorld(t)
	w.noUsers = true
	id := w.queue("ann")[0]
	s := w.replica()
	for range 2 * message.MostAttempts {
		require.NoError(t, s.Sweep(t.Context()))
		w.now = w.now.Add(time.Hour)
	}
	require.Equal(t, message.Pending, w.delivery(id).State)
	w.noUsers = false
	require.NoError(t, s.Sweep(t.Context()))
	require.Equal(t, 1, w.sent[id])
}

// A long queue is gone through once: what is settled is neither sent nor read again, also after a restart.
func TestLongQueue(t *testing.T) {
	w := newWorld(t)
	var everybody []string
	for range 450 {
		everybody = append(everybody, "ann")
	}
	everybody[210] = "bad"
	w.queue(everybody...)
	require.NoError(t, w.replica().Sweep(t.Context()))
	require.Len(t, w.sent, 449)
	cursor, _, err := state.Read[int64](t.Context(), w.docs, "outgoing-cursor")
	require.NoError(t, err)
	require.EqualValues(t, 2, cursor)
	w.tries = 0
	s := w.replica()
	for range sweeps {
		w.now = w.now.Add(time.Hour)
		require.NoError(t, s.Sweep(t.Context()))
	}
	require.Equal(t, message.MostAttempts-1, w.tries)
	cursor, _, err = state.Read[int64](t.Context(), w.docs, "outgoing-cursor")
	require.NoError(t, err)
	require.EqualValues(t, 3, cursor)
	w.queue("late")
	require.NoError(t, s.Sweep(t.Context()))
	require.Len(t, w.sent, 450)
}

// The process dies between listing a message and storing it, and the page fills up meanwhile: the
// queue waits for it, whatever else is settled.
func TestListedBeforeItIsStored(t *testing.T) {
	w := newWorld(t)
	notes := store.NewNotes(w.docs)
	note := message.Note{ID: uuid.NewString(), Channel: message.Email, CustomerID: "late", Title: "Title"}
	w.docs.Fault = func(key string, applied bool) error {
		if key == "note-"+note.ID {
			return errors.New("the process is dead")
		}
		return nil
	}
	require.Error(t, notes.Keep(t.Context(), []message.Note{note})[0])
	w.docs.Fault = nil
	s := w.replica()
	// The handler listed the note before the page was full, and stores it only now.
	item := state.Item{Key: "note-" + note.ID, Value: fmt.Appendf(nil, `{"id":%q,"channel":"email","customerId":"late","title":"Title","listed":"1.0","delivery":{"state":"pending"}}`, note.ID)}
	w.queue(strings.Split(strings.Repeat("ann ", 219)+"ann", " ")...)
	require.NoError(t, s.Sweep(t.Context()))
	require.Len(t, w.sent, 220)
	require.NoError(t, w.docs.Save(t.Context(), item))
	w.now = w.now.Add(time.Minute)
	require.NoError(t, s.Sweep(t.Context()))
	require.Equal(t, 1, w.sent[note.ID])
}

// Processes die at any write, and new ones go on: in the end every message was sent, and
// more than once only where a crash or a failed write came between the sending and the record.
func TestCrashes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t)
		ids := w.queue("ann", "bob", "eve")
		faults := 0
		w.docs.Fault = func(key string, applied bool) error {
			if key != "" && faults < 6 && rapid.Bool().Draw(t, "fails") {
				faults++
				return errors.New("injected")
			}
			return nil
		}
		s := w.replica()
		for range 20 {
			if err := s.Sweep(context.Background()); err != nil {
				s = w.replica()
			}
			w.now = w.now.Add(time.Hour)
		}
		sent := 0
		for _, id := range ids {
			require.GreaterOrEqual(t, w.sent[id], 1)
			require.Equal(t, message.Sent, w.delivery(id).State)
			sent += w.sent[id]
		}
		require.LessOrEqual(t, sent, len(ids)+faults)
	})
}
