package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/sidecart/sidecart/services/internal/journal"
	"github.com/sidecart/sidecart/services/internal/state"
	"github.com/sidecart/sidecart/services/internal/state/statetest"
	"github.com/sidecart/sidecart/services/notification/internal/message"
)

var noon = time.Date(2026, 1, 15, 12, 0, 0, 0, time.UTC)

func orderID(n int) string { return uuid.NewSHA1(uuid.NameSpaceOID, fmt.Append(nil, n)).String() }

// about is the notes of order n by both channels.
func about(kind string, n int, customer string) []message.Note {
	var notes []message.Note
	for _, channel := range message.Channels {
		notes = append(notes, message.Note{
			ID: message.ID(kind, orderID(n), channel), Kind: kind, Channel: channel, CustomerID: customer, OrderID: orderID(n),
			Title: fmt.Sprint(n), Body: "body", CreatedAt: noon,
		})
	}
	return notes
}

// inbox pages through an inbox and answers the ids that it shows.
func inbox(t require.TestingT, n *Notes, customer string, limit int) (ids []string) {
	for before := journal.Place(""); ; {
		page, next, err := n.Newest(context.Background(), customer, before, limit)
		require.NoError(t, err)
		for _, note := range page {
			require.Equal(t, message.Inbox, note.Channel)
			require.Equal(t, customer, note.CustomerID)
			ids = append(ids, note.ID)
		}
		if next == "" {
			return ids
		}
		require.Len(t, page, limit)
		before = next
	}
}

// queued is how often each e-mail is due.
func queued(t require.TestingT, n *Notes, now time.Time) map[string]int {
	due := map[string]int{}
	require.NoError(t, NewOutgoing(n).Each(context.Background(), now, func(_ context.Context, note message.Note) (message.Delivery, error) {
		due[note.ID]++
		return message.Delivery{State: message.Pending}, nil
	}))
	return due
}

// requireRest requires each of notes once, in its inbox or in the queue, and nothing else.
func requireRest(t require.TestingT, n *Notes, notes []message.Note) {
	inboxes, emails, orders := map[string][]string{}, map[string]int{}, map[string]bool{}
	want := map[string]message.Note{}
	for _, note := range notes {
		if _, known := want[note.ID]; known {
			continue
		}
		want[note.ID], orders[note.OrderID] = note, true
		if note.Channel == message.Inbox {
			inboxes[note.CustomerID] = append(inboxes[note.CustomerID], note.ID)
		} else {
			emails[note.ID] = 1
		}
	}
	for customer, ids := range inboxes {
		require.ElementsMatch(t, ids, inbox(t, n, customer, 3))
	}
	require.Equal(t, emails, queued(t, n, noon))
	for orderID := range orders {
		found, err := n.Find(context.Background(), []string{orderID})
		require.NoError(t, err)
		for _, note := range found {
			require.Equal(t, want[note.ID], note)
			delete(want, note.ID)
		}
	}
	require.Empty(t, want)
}

var customers = []string{"01890a5d-ac96-774b-bcce-b302099a8057", "01890a5d-ac96-774b-bcce-b302099a8058"}

func everyNote() (notes []message.Note) {
	for n := range 6 {
		notes = append(notes, about(message.OrderConfirmed, n, customers[n%2])...)
		if n%3 == 0 {
			notes = append(notes, about(message.OrderCancelled, n, customers[n%2])...)
		}
	}
	return notes
}

// Events in any order, any batches and any number, while writes fail before and after they took place: the end is the same.
func TestKeepConverges(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		docs := statetest.NewMemory()
		all := everyNote()
		queue := append(everyNote(), rapid.SliceOfN(rapid.SampledFrom(all), 0, 10).Draw(t, "repeated")...)
		queue = rapid.Permutation(queue).Draw(t, "queue")
		faults := rapid.IntRange(0, 12).Draw(t, "faults")
		docs.Fault = func(key string, applied bool) error {
			if key != "" && faults > 0 && rapid.Bool().Draw(t, "fails") {
				faults--
				return errors.New("injected")
			}
			return nil
		}
		for len(queue) > 0 {
			size := rapid.IntRange(1, len(queue)).Draw(t, "batch")
			batch := queue[:size]
			queue = queue[size:]
			for i, err := range NewNotes(docs).Keep(context.Background(), batch) {
				if err != nil {
					require.ErrorIs(t, err, state.ErrUnavailable)
					queue = append(queue, batch[i])
				}
			}
		}
		requireRest(t, NewNotes(docs), all)
	})
}

// The process dies at each write in turn, before and after it took place; a new one gets the batch again.
func TestCrashAtEveryWrite(t *testing.T) {
	for crash, died := 1, true; died; crash++ {
		docs := statetest.NewMemory()
		steps := 0
		docs.Fault = func(key string, applied bool) error {
			if key != "" {
				steps++
			}
			if steps >= crash {
				return errors.New("the process is dead")
			}
			return nil
		}
		died = errors.Join(NewNotes(docs).Keep(t.Context(), everyNote())...) != nil
		docs.Fault = nil
		require.NoError(t, errors.Join(NewNotes(docs).Keep(t.Context(), everyNote())...))
		requireRest(t, NewNotes(docs), everyNote())
	}
}

// The process dies between listing notes and storing them; when the event comes again the lists
// have gone on to other pages, so the notes are listed twice. They show and are sent once.
func TestListedTwice(t *testing.T) {
	docs := statetest.NewMemory()
	n := NewNotes(docs)
	var before, after []message.Note
	for i := range journal.PerPage {
		before = append(before, about(message.OrderConfirmed, i, customers[0])...)
		after = append(after, about(message.OrderConfirmed, journal.PerPage+1+i, customers[0])...)
	}
	lost := about(message.OrderConfirmed, journal.PerPage, customers[0])
	require.NoError(t, errors.Join(n.Keep(t.Context(), before)...))
	docs.Fault = func(key string, applied bool) error {
		if key == noteKey(lost[0].ID) || key == noteKey(lost[1].ID) {
			return errors.New("the process is dead")
		}
		return nil
	}
	require.Error(t, errors.Join(n.Keep(t.Context(), lost)...))
	docs.Fault = nil
	require.NoError(t, errors.Join(n.Keep(t.Context(), after)...))
	require.NoError(t, errors.Join(n.Keep(t.Context(), lost)...))
	for _, list := range []string{inboxList(customers[0]), outgoing} {
		listings := 0
		require.NoError(t, n.lists.All(t.Context(), list, func(_ int64, ids []string) error {
			listings += len(ids)
			return nil
		}))
		require.Equal(t, 2*journal.PerPage+2, listings)
	}
	requireRest(t, n, slices.Concat(before, lost, after))
}

// While one replica is about to store a note, another has stored it.
func TestKeptByAnotherReplicaMeanwhile(t *testing.T) {
	docs := statetest.NewMemory()
	notes := about(message.OrderConfirmed, 0, customers[0])
	docs.Fault = func(key string, applied bool) error {
		if key == inboxList(customers[0])+"-page-1" && applied {
			docs.Fault = nil
			return errors.Join(NewNotes(docs).Keep(t.Context(), notes)...)
		}
		return nil
	}
	require.NoError(t, errors.Join(NewNotes(docs).Keep(t.Context(), notes)...))
	require.Nil(t, docs.Fault)
	requireRest(t, NewNotes(docs), notes)
}

// Two replicas keep the same notes at the same time.
func TestReplicas(t *testing.T) {
	docs := statetest.NewMemory()
	done := make(chan error)
	for range 2 {
		go func() {
			var errs []error
			for _, note := range everyNote() {
				errs = append(errs, NewNotes(docs).Keep(context.Background(), []message.Note{note})...)
			}
			done <- errors.Join(errs...)
		}()
	}
	require.NoError(t, errors.Join(<-done, <-done))
	requireRest(t, NewNotes(docs), everyNote())
}

func TestInboxIsNewestFirst(t *testing.T) {
	n := NewNotes(statetest.NewMemory())
	var want []string
	for i := range 430 {
		note := about(message.OrderConfirmed, i, customers[0])[0]
		require.NoError(t, n.Keep(t.Context(), []message.Note{note})[0])
		want = append([]string{note.ID}, want...)
	}
	require.Equal(t, want, inbox(t, n, customers[0], 100))
	require.Empty(t, inbox(t, n, customers[1], 100))
}

// A batch of 100 orders of 100 customers costs as many calls as one order does.
func TestBatchOf100(t *testing.T) {
	for _, size := range []int{1, 100} {
		calls := &statetest.Calls{Store: statetest.NewMemory()}
		var batch []message.Note
		for i := range size {
			batch = append(batch, about(message.OrderConfirmed, i, orderID(-i))...)
		}
		require.NoError(t, errors.Join(NewNotes(calls).Keep(t.Context(), batch)...))
		require.Equal(t, 4, calls.N)
		requireRest(t, NewNotes(calls), batch)
	}
}
