package batch_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sidecart/sidecart/services/internal/batch"
)

func TestGroupAnswersEachItemItsOwnError(t *testing.T) {
	odd := errors.New("odd")
	var largest, calls atomic.Int64
	g := batch.Group[int]{Most: 7, Run: func(_ context.Context, items []int) []error {
		calls.Add(1)
		largest.Store(max(largest.Load(), int64(len(items))))
		errs := make([]error, len(items))
		for i, n := range items {
			if n%2 == 1 {
				errs[i] = odd
			}
		}
		return errs
	}}
	var wg sync.WaitGroup
	got := make([]error, 500)
	for i := range got {
		wg.Go(func() { got[i] = g.Do(t.Context(), i) })
	}
	wg.Wait()
	for i, err := range got {
		if i%2 == 1 {
			require.ErrorIs(t, err, odd)
		} else {
			require.NoError(t, err)
		}
	}
	require.LessOrEqual(t, largest.Load(), int64(7))
	require.LessOrEqual(t, calls.Load(), int64(500))
}

func TestGroupSharesACallAmongThoseWhoWait(t *testing.T) {
	release, sizes := make(chan struct{}), make(chan int, 10)
	g := batch.Group[int]{Run: func(_ context.Context, items []int) []error {
		sizes <- len(items)
		<-release
		return make([]error, len(items))
	}}
	var wg sync.WaitGroup
	wg.Go(func() { _ = g.Do(t.Context(), 0) })
	require.Equal(t, 1, <-sizes)
	for range 5 {
		wg.Go(func() { _ = g.Do(t.Context(), 1) })
	}
	require.Eventually(t, func() bool { return g.Waiting() == 5 }, testTimeout, testTick)
	close(release)
	wg.Wait()
	require.Equal(t, 5, <-sizes)
}

const (
	testTimeout = 10 * time.Second
	testTick    = time.Millisecond
)

func TestAPanicIsAnErrorAndTheGroupGoesOn(t *testing.T) {
	g := batch.Group[int]{Run: func(_ context.Context, items []int) []error {
		if items[0] < 0 {
			panic("negative")
		}
		return make([]error, len(items))
	}}
	require.ErrorContains(t, g.Do(t.Context(), -1), "negative")
	require.NoError(t, g.Do(t.Context(), 1))
}
