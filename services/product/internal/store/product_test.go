package store

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sidecart/sidecart/contracts/contracttest"
	"github.com/sidecart/sidecart/services/internal/event"
	"github.com/sidecart/sidecart/services/internal/money"
	"github.com/sidecart/sidecart/services/internal/state"
	"github.com/sidecart/sidecart/services/internal/state/statetest"
	"github.com/sidecart/sidecart/services/product/internal/catalogue"
)

// broker remembers what it was given. down makes it refuse.
type broker struct {
	mu     sync.Mutex
	events []event.Event
	down   bool
	// before is asked before each publishing, unless nil.
	before func() error
}

func (b *broker) Publish(_ context.Context, topic string, events ...event.Event) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.before != nil {
		if err := b.before(); err != nil {
			return err
		}
	}
	if b.down || topic != catalogue.Topic {
		return state.ErrUnavailable
	}
	b.events = append(b.events, events...)
	return nil
}

// told are the ids of the distinct events in the order in which they first came.
func (b *broker) told() []string {
	var told []string
	seen := map[string]bool{}
	for _, e := range b.events {
		if !seen[e.ID] {
			seen[e.ID] = true
			told = append(told, e.Type)
		}
	}
	return told
}

var noon = time.Date(2026, 1, 15, 12, 0, 0, 0, time.UTC)

func open(docs state.Store, b *broker) *Products {
	return New(docs, b, func() time.Time { return noon })
}

var mug = catalogue.Draft{Name: "Enamel mug", Description: "Steel.", Category: "kitchen", Price: money.Money{Amount: 1450, Currency: "EUR"}}

func outbox(t *testing.T, docs state.Store, id string) []event.Event {
	t.Helper()
	doc, exists, err := state.Read[document](t.Context(), docs, key(id))
	require.NoError(t, err)
	require.True(t, exists)
	return doc.Outbox
}

func none([]catalogue.Product) error { return nil }

func TestEveryChangeIsTold(t *testing.T) {
	docs, b := statetest.NewMemory(), &broker{}
	products := open(docs, b)
	p, created, err := products.Create(t.Context(), "", mug)
	require.NoError(t, err)
	require.True(t, created)
	price, yes, no := money.Money{Amount: 990, Currency: "EUR"}, true, false
	for _, change := range []catalogue.Change{{Price: &price}, {Price: &price}, {Retired: &yes}, {Retired: &no}} {
		p, err = products.Change(t.Context(), p.ID, change)
		require.NoError(t, err)
	}
	require.EqualValues(t, 4, p.Version, "a change that changes nothing has no version")
	require.Equal(t, []string{catalogue.Created, catalogue.Changed, catalogue.Retired, catalogue.Changed}, b.told())
	for i, e := range b.events {
		contracttest.Event(t, e)
		data, err := event.Data[catalogue.Snapshot](e)
		require.NoError(t, err)
		require.EqualValues(t, i+1, data.Version)
		require.Equal(t, p.ID, e.Subject)
	}
	require.Empty(t, outbox(t, docs, p.ID))
	_, err = products.Change(t.Context(), "0f9d2a54-6d0e-5c9b-9a57-3c1f0d3c7a11", catalogue.Change{Retired: &yes})
	require.ErrorIs(t, err, ErrUnknown)
}

func TestAKillBetweenWriteAndPublishLosesNothing(t *testing.T) {
	docs, b := statetest.NewMemory(), &broker{}
	killed := errors.New("killed")
	b.before = func() error {
		docs.Fault = func(string, bool) error { return killed }
		return killed
	}
	p, _, err := open(docs, b).Create(t.Context(), "", mug)
	require.NoError(t, err)
	docs.Fault, b.before = nil, nil
	require.Empty(t, b.events)
	unsent := outbox(t, docs, p.ID)
	require.Len(t, unsent, 1)

	restarted := open(docs, b)
	require.NoError(t, restarted.Sweep(t.Context(), noon, none))
	require.Empty(t, b.events, "what is as young as this may be under way")
	require.NoError(t, restarted.Sweep(t.Context(), noon.Add(time.Second), none))
	require.Len(t, b.events, 1)
	require.Equal(t, unsent[0].ID, b.events[0].ID)
	require.Empty(t, outbox(t, docs, p.ID))
	require.NoError(t, restarted.Sweep(t.Context(), noon.Add(time.Second), none))
	require.Len(t, b.events, 1)
}

func TestAChangeDuringPublishingStaysInTheOutbox(t *testing.T) {
	docs, b := statetest.NewMemory(), &broker{}
	price := money.Money{Amount: 990, Currency: "EUR"}
	changed := ""
	b.before = func() error { // another replica, which has lost its broker
		b.before = nil
		p, _, err := open(docs, &broker{down: true}).Create(t.Context(), "mug", mug)
		require.NoError(t, err)
		_, err = open(docs, &broker{down: true}).Change(t.Context(), p.ID, catalogue.Change{Price: &price})
		changed = p.ID
		return err
	}
	_, created, err := open(docs, b).Create(t.Context(), "mug", mug)
	require.NoError(t, err)
	require.True(t, created)
	require.Equal(t, []string{catalogue.Created}, b.told())
	left := outbox(t, docs, changed)
	require.Len(t, left, 1)
	require.Equal(t, catalogue.Changed, left[0].Type)
}

// Whatever step is the last before the process dies, the same request after the restart ends
// in one product, listed, whose every version was told.
func TestADeathAtAnyStep(t *testing.T) {
	price := money.Money{Amount: 990, Currency: "EUR"}
	for last := 0; ; last++ {
		docs, b := statetest.NewMemory(), &broker{}
		steps := 0
		step := func() error {
			if steps++; steps > last {
				return fmt.Errorf("died after step %d", last)
			}
			return nil
		}
		docs.Fault = func(string, bool) error { return step() }
		b.before = step
		sell := func(products *Products) error {
			p, _, err := products.Create(t.Context(), "mug", mug)
			if err != nil {
				return err
			}
			_, err = products.Change(t.Context(), p.ID, catalogue.Change{Price: &price})
			return err
		}
		first := sell(open(docs, b))
		docs.Fault, b.before = nil, nil

		restarted := open(docs, b)
		require.NoError(t, restarted.Sweep(t.Context(), noon.Add(time.Second), none))
		require.NoError(t, sell(restarted))
		listed := map[string]catalogue.Product{}
		require.NoError(t, restarted.Sweep(t.Context(), noon.Add(time.Second), func(some []catalogue.Product) error {
			for _, p := range some {
				listed[p.ID] = p
			}
			return nil
		}))
		require.Len(t, listed, 1, "died after step %d", last)
		for id, p := range listed {
			require.EqualValues(t, 2, p.Version)
			require.Equal(t, price, p.Price)
			require.Empty(t, outbox(t, docs, id))
		}
		require.Equal(t, []string{catalogue.Created, catalogue.Changed}, b.told(), "died after step %d", last)
		if first == nil && steps <= last {
			require.Greater(t, last, 8, "it died at every step before")
			return
		}
	}
}

func TestCreatingWithAKey(t *testing.T) {
	docs, b := statetest.NewMemory(), &broker{}
	products := open(docs, b)
	p, created, err := products.Create(t.Context(), "seed-mug", mug)
	require.NoError(t, err)
	require.True(t, created)
	spaced := mug
	spaced.Name = " Enamel mug "
	again, created, err := products.Create(t.Context(), "seed-mug", spaced)
	require.NoError(t, err)
	require.False(t, created)
	require.Equal(t, p, again)

	price := money.Money{Amount: 990, Currency: "EUR"}
	changed, err := products.Change(t.Context(), p.ID, catalogue.Change{Price: &price})
	require.NoError(t, err)
	again, _, err = products.Create(t.Context(), "seed-mug", mug)
	require.NoError(t, err, "what was asked for counts, not what became of it")
	require.Equal(t, changed, again)

	other := mug
	other.Price = price
	_, _, err = products.Create(t.Context(), "seed-mug", other)
	require.ErrorIs(t, err, ErrKeyReused)
	another, created, err := products.Create(t.Context(), "seed-mug-2", mug)
	require.NoError(t, err)
	require.True(t, created)
	require.NotEqual(t, p.ID, another.ID)

	var listed int
	require.NoError(t, products.list.All(t.Context(), func(ids []string) error { listed += len(ids); return nil }))
	require.Equal(t, 2, listed, "a repeated request does not make the journal grow")
}

func TestParallelWritersMakeOneHistory(t *testing.T) {
	docs, b := statetest.NewMemory(), &broker{}
	var work sync.WaitGroup
	var mu sync.Mutex
	ids, fresh := map[string]bool{}, 0
	for i := range 12 {
		work.Go(func() {
			products := open(docs, b) // a replica each
			p, created, err := products.Create(context.Background(), "mug", mug)
			if err != nil {
				t.Error(err)
				return
			}
			price := money.Money{Amount: int64(100 + i), Currency: "EUR"}
			if _, err := products.Change(context.Background(), p.ID, catalogue.Change{Price: &price}); err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			ids[p.ID] = true
			if created {
				fresh++
			}
		})
	}
	work.Wait()
	require.Len(t, ids, 1)
	require.Equal(t, 1, fresh)
	require.Len(t, b.told(), 13)
	for id := range ids {
		p, _, err := open(docs, b).Get(t.Context(), id)
		require.NoError(t, err)
		require.EqualValues(t, 13, p.Version)
		require.Empty(t, outbox(t, docs, id))
	}
}

func TestTheOutboxIsBounded(t *testing.T) {
	docs, b := statetest.NewMemory(), &broker{down: true}
	products := open(docs, b)
	p, _, err := products.Create(t.Context(), "", mug)
	require.NoError(t, err)
	change := func(i int) error {
		price := money.Money{Amount: int64(i + 1), Currency: "EUR"}
		_, err := products.Change(t.Context(), p.ID, catalogue.Change{Price: &price})
		return err
	}
	for i := range maxOutbox - 1 {
		require.NoError(t, change(i))
	}
	require.ErrorIs(t, change(maxOutbox), state.ErrUnavailable)
	require.ErrorIs(t, products.Sweep(t.Context(), noon.Add(time.Second), none), state.ErrUnavailable)
	b.down = false
	require.NoError(t, products.Sweep(t.Context(), noon.Add(time.Second), none))
	require.Len(t, b.told(), maxOutbox)
	require.NoError(t, change(maxOutbox))
}

func TestAnUnreadableDocumentDoesNotHideTheOthers(t *testing.T) {
	docs, b := statetest.NewMemory(), &broker{}
	products := open(docs, b)
	_, _, err := products.Create(t.Context(), "", mug)
	require.NoError(t, err)
	require.NoError(t, products.list.Append(t.Context(), "broken"))
	require.NoError(t, docs.Save(t.Context(), state.Item{Key: key("broken"), Value: []byte(`[`)}))
	require.NoError(t, products.list.Append(t.Context(), "never-written"))
	var seen []catalogue.Product
	require.NoError(t, products.Sweep(t.Context(), noon, func(some []catalogue.Product) error { seen = append(seen, some...); return nil }))
	require.Len(t, seen, 1)
}
