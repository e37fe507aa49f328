package journal_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sidecart/sidecart/services/internal/journal"
	"github.com/sidecart/sidecart/services/internal/state/statetest"
)

func TestEveryAppendedIDIsListedByAnotherProcess(t *testing.T) {
	store := statetest.NewMemory()
	writers := []*journal.Journal{journal.New(store, "orders"), journal.New(store, "orders")}
	var wg sync.WaitGroup
	errs := make([]error, 1000)
	for i := range errs {
		wg.Go(func() { errs[i] = writers[i%2].Append(t.Context(), fmt.Sprint(i)) })
	}
	wg.Wait()
	seen := map[string]int{}
	pages := 0
	late := journal.New(store, "orders")
	require.NoError(t, late.Append(t.Context(), "late"))
	require.NoError(t, late.All(t.Context(), func(ids []string) error {
		pages++
		require.LessOrEqual(t, len(ids), 200)
		for _, id := range ids {
			seen[id]++
		}
		return nil
	}))
	for i, err := range errs {
		require.NoError(t, err)
		require.Equal(t, 1, seen[fmt.Sprint(i)])
	}
	require.Equal(t, 1, seen["late"])
	require.Len(t, seen, 1001)
	require.GreaterOrEqual(t, pages, 6)
}

// What is tried again is listed again, at the end, however long ago it was listed first: a sweep that has
// left a page behind would not find it otherwise.
func TestAppendingAgainToAJournal(t *testing.T) {
	j := journal.New(statetest.NewMemory(), "orders")
	require.NoError(t, j.Append(t.Context(), "a", "b"))
	first, err := j.Read(t.Context(), 1)
	require.NoError(t, err)
	require.NoError(t, j.Append(t.Context(), "a"))
	second, err := j.Read(t.Context(), 1)
	require.NoError(t, err)
	require.Equal(t, []string{"a", "b", "a"}, second.IDs)
	require.True(t, second.Updated.After(first.Updated))
}
