package sweep_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sidecart/sidecart/services/internal/event"
	"github.com/sidecart/sidecart/services/internal/state/statetest"
	"github.com/sidecart/sidecart/services/order/internal/intake"
	"github.com/sidecart/sidecart/services/order/internal/order"
	"github.com/sidecart/sidecart/services/order/internal/store"
	"github.com/sidecart/sidecart/services/order/internal/sweep"
)

type world struct {
	t       *testing.T
	memory  *statetest.Memory
	streams *store.Streams
	now     time.Time
	resumed []string
	reads   int
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, memory: statetest.NewMemory(), now: time.Now()}
	w.streams = store.NewStreams(w.memory)
	w.memory.Fault = func(key string, _ bool) error {
		if key == "" {
			w.reads++
		}
		return nil
	}
	return w
}

// process is a sweep as a process that just started has it.
func (w *world) process() *sweep.Sweep {
	publish := func(_ context.Context, topic string, events ...event.Event) error {
		for _, e := range events {
			require.Equal(w.t, order.ResumedV1, e.Type)
			require.Equal(w.t, intake.Queue, topic)
			w.resumed = append(w.resumed, e.Subject)
		}
		return nil
	}
	return &sweep.Sweep{Store: w.memory, Streams: w.streams, Intake: intake.New(w.streams, publish), Grace: 10 * time.Second, Now: func() time.Time { return w.now }}
}

func (w *world) place(n int, final bool) string {
	id := fmt.Sprintf("o%d", n)
	require.NoError(w.t, w.streams.Journal.Append(w.t.Context(), id))
	stream, err := order.Submit(order.Submission{OrderID: id, Deadline: w.now.Add(time.Hour)}, w.now)
	require.NoError(w.t, err)
	l, err := store.New(id, stream)
	require.NoError(w.t, err)
	if final {
		require.NoError(w.t, l.RequestCancellation(order.ByCustomer, w.now))
		require.NoError(w.t, l.Cancel(w.now))
	}
	require.NoError(w.t, w.streams.Save(w.t.Context(), []*store.Loaded{l})[0])
	return id
}

func (w *world) run(s *sweep.Sweep) []string {
	w.resumed = nil
	require.NoError(w.t, s.Run(w.t.Context()))
	return w.resumed
}

func TestAnOrderWhoseMessageIsLostIsResumed(t *testing.T) {
	w := newWorld(t)
	id := w.place(0, false)
	w.place(1, true)
	s := w.process()
	require.Empty(t, w.run(s), "it is being worked on")
	w.now = w.now.Add(11 * time.Second)
	require.Equal(t, []string{id}, w.run(s))
	require.Empty(t, w.run(s), "a queue that stands still is not flooded")
	w.now = w.now.Add(31 * time.Second)
	require.Equal(t, []string{id}, w.run(s))
}

func TestPagesThatAreDoneAreNotReadAgain(t *testing.T) {
	w := newWorld(t)
	for n := range 450 {
		w.place(n, n != 0)
	}
	w.now = w.now.Add(2 * time.Minute)
	s := w.process()
	require.Equal(t, []string{"o0"}, w.run(s), "the first page holds an open order, the others none")
	w.reads = 0
	w.run(s)
	require.Less(t, w.reads, 280, "the second page was read again")

	loaded, err := w.streams.Load(t.Context(), "o0")
	require.NoError(t, err)
	require.NoError(t, loaded[0].RequestCancellation(order.ByCustomer, w.now))
	require.NoError(t, loaded[0].Cancel(w.now))
	require.NoError(t, w.streams.Save(t.Context(), loaded)[0])
	w.run(s)
	w.reads = 0
	w.run(w.process())
	require.Less(t, w.reads, 60, "after a restart the cursor spares the pages that are done")
}

// A final order that its customer cancels is listed again, so the sweep finds it behind its cursor.
func TestACancellationBehindTheCursorIsFound(t *testing.T) {
	w := newWorld(t)
	for n := range 401 {
		w.place(n, true)
	}
	w.now = w.now.Add(2 * time.Minute)
	w.run(w.process())
	id := w.place(1000, false)
	require.NoError(t, w.streams.Journal.Append(t.Context(), id))
	w.now = w.now.Add(time.Minute)
	require.Subset(t, w.run(w.process()), []string{id})
}

// An id is listed before its order is written: a page is not done while that may still happen.
func TestAPageIsNotDoneWhileARequestMayStillWriteToIt(t *testing.T) {
	w := newWorld(t)
	require.NoError(t, w.streams.Journal.Append(t.Context(), "o0"))
	for n := range 199 {
		w.place(n+1, true)
	}
	s := w.process()
	w.run(s)
	stream, err := order.Submit(order.Submission{OrderID: "o0", Deadline: w.now.Add(time.Hour)}, w.now)
	require.NoError(t, err)
	l, err := store.New("o0", stream)
	require.NoError(t, err)
	require.NoError(t, w.streams.Save(t.Context(), []*store.Loaded{l})[0])
	w.now = w.now.Add(11 * time.Second)
	require.Equal(t, []string{"o0"}, w.run(s))
}
