package store_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sidecart/sidecart/services/internal/money"
	"github.com/sidecart/sidecart/services/internal/state/statetest"
	"github.com/sidecart/sidecart/services/payment/internal/payment"
	"github.com/sidecart/sidecart/services/payment/internal/store"
)

// fill writes payments number from to to, settled but for those that are named.
func fill(t *testing.T, s *store.Store, from, to int, unsettled ...int) {
	t.Helper()
	var ids []string
	for i := from; i < to; i++ {
		ids = append(ids, fmt.Sprint(i))
	}
	_, errs := s.Change(t.Context(), ids, func(i int) store.Step {
		return func(_ context.Context, p *payment.Payment) (bool, error) {
			decided := payment.Declined
			if slices.Contains(unsettled, from+i) {
				decided = payment.Authorised
			}
			return p.Open(payment.Request{Amount: money.Money{Amount: 1, Currency: "EUR"}}, payment.Answer{State: decided}, time.Now()), nil
		}
	})
	require.NoError(t, errors.Join(errs...))
}

// visited answers what a walk hands over, sorted, and how much it read.
func visited(t *testing.T, docs *statetest.Memory, w *store.Walk) (ids []string, reads int) {
	t.Helper()
	docs.Fault = func(key string, _ bool) error {
		if key == "" {
			reads++
		}
		return nil
	}
	defer func() { docs.Fault = nil }()
	require.NoError(t, w.Visit(t.Context(), time.Now(), func(_ context.Context, payments []payment.Payment) error {
		for _, p := range payments {
			ids = append(ids, p.OrderID)
		}
		return nil
	}))
	slices.Sort(ids)
	return ids, reads
}

func TestAWalkFindsEveryUnsettledPaymentAndReadsLittleElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		docs := statetest.NewMemory()
		s := store.New(docs)
		w := s.Walk()
		fill(t, s, 0, 1000, 7, 700, 990)
		ids, reads := visited(t, docs, w)
		assert.Equal(t, []string{"7", "700", "990"}, ids)
		assert.GreaterOrEqual(t, reads, 1000)
		ids, reads = visited(t, docs, w)
		assert.Equal(t, []string{"7", "700", "990"}, ids)
		assert.Less(t, reads, 20, "what was settled is not read again")

		time.Sleep(2 * time.Minute)
		visited(t, docs, w)
		ids, reads = visited(t, docs, s.Walk())
		assert.Equal(t, []string{"7", "700", "990"}, ids, "another process starts at the cursor")
		assert.Less(t, reads, 700, "and leaves the pages behind it alone")

		fill(t, s, 1000, 1100, 1050)
		ids, _ = visited(t, docs, w)
		assert.Equal(t, []string{"1050", "7", "700", "990"}, ids)
	})
}

func TestAPaymentThatIsWrittenLongAfterItWasListedIsFound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		docs := statetest.NewMemory()
		s := store.New(docs)
		w := s.Walk()
		fill(t, s, 0, 199)
		docs.Fault = func(key string, applied bool) error {
			if key == "payment-late" && !applied {
				// Meanwhile a sweep passes.
				docs.Fault = nil
				time.Sleep(50 * time.Second)
				ids, _ := visited(t, docs, w)
				require.Empty(t, ids)
			}
			return nil
		}
		_, err := s.Update(t.Context(), "late", func(_ context.Context, p *payment.Payment) (bool, error) { return p.Void(time.Now()), nil })
		docs.Fault = nil
		require.NoError(t, err)
		ids, _ := visited(t, docs, w)
		assert.Equal(t, []string{"late"}, ids)
	})
}

func TestTwoWalksShareTheCursor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		docs := statetest.NewMemory()
		s := store.New(docs)
		a, b := s.Walk(), s.Walk()
		for round := range 12 {
			fill(t, s, round*100, round*100+100, round*100+50)
			time.Sleep(40 * time.Second)
			for _, w := range []*store.Walk{a, b} {
				ids, _ := visited(t, docs, w)
				require.Len(t, ids, round+1)
			}
		}
	})
}
