// Package statetest is the suite that every state.Store must pass, the in-memory one and
// the Dapr adapter on each engine alike.
package statetest

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/sidecart/sidecart/services/internal/state"
)

// Run tries a store with keys that no other run uses.
func Run(t *testing.T, store state.Store) {
	key := func(name string) string { return name + "-" + uuid.NewString() }
	get := func(t *testing.T, key string) (state.Item, error) {
		items, err := store.GetMany(t.Context(), []string{key})
		if err != nil {
			return state.Item{}, err
		}
		return items[0], nil
	}
	save := func(t *testing.T, item state.Item) error { return store.SaveMany(t.Context(), []state.Item{item})[0] }

	t.Run("an absent document is no error", func(t *testing.T) {
		item, err := get(t, key("absent"))
		require.NoError(t, err)
		require.False(t, item.Exists())
		require.Empty(t, item.ETag)
	})
	t.Run("create only if absent", func(t *testing.T) {
		k := key("create")
		require.NoError(t, save(t, state.Item{Key: k, Value: []byte(`{"n":1}`)}))
		require.ErrorIs(t, save(t, state.Item{Key: k, Value: []byte(`{"n":2}`)}), state.ErrConflict)
		item, err := get(t, k)
		require.NoError(t, err)
		require.JSONEq(t, `{"n":1}`, string(item.Value))
	})
	t.Run("a stale ETag is refused", func(t *testing.T) {
		k := key("stale")
		require.NoError(t, save(t, state.Item{Key: k, Value: []byte(`1`)}))
		read, err := get(t, k)
		require.NoError(t, err)
		first, second := read, read
		first.Value, second.Value = []byte(`2`), []byte(`3`)
		require.NoError(t, save(t, first))
		require.ErrorIs(t, save(t, second), state.ErrConflict)
	})
	t.Run("reads many in order, absent ones too", func(t *testing.T) {
		a, b, c := key("a"), key("b"), key("c")
		require.NoError(t, save(t, state.Item{Key: a, Value: []byte(`"a"`)}))
		require.NoError(t, save(t, state.Item{Key: c, Value: []byte(`"c"`)}))
		items, err := store.GetMany(t.Context(), []string{c, b, a})
		require.NoError(t, err)
		require.Len(t, items, 3)
		require.Equal(t, `"c"`, string(items[0].Value))
		require.False(t, items[1].Exists())
		require.Equal(t, b, items[1].Key)
		require.Equal(t, `"a"`, string(items[2].Value))
		require.NotEmpty(t, items[2].ETag)
	})
	t.Run("writes many, each on its own", func(t *testing.T) {
		stale, fresh, taken := key("stale"), key("fresh"), key("taken")
		require.NoError(t, save(t, state.Item{Key: stale, Value: []byte(`1`)}))
		require.NoError(t, save(t, state.Item{Key: taken, Value: []byte(`1`)}))
		old, err := get(t, stale)
		require.NoError(t, err)
		old.Value = []byte(`2`)
		require.NoError(t, save(t, old))
		old.Value = []byte(`3`)
		errs := store.SaveMany(t.Context(), []state.Item{old, {Key: fresh, Value: []byte(`1`)}, {Key: taken, Value: []byte(`9`)}})
		require.ErrorIs(t, errs[0], state.ErrConflict)
		require.NoError(t, errs[1])
		require.ErrorIs(t, errs[2], state.ErrConflict)
	})
	t.Run("of concurrent writers exactly one wins", func(t *testing.T) {
		k := key("race")
		var wg sync.WaitGroup
		errs := make([]error, 8)
		for i := range errs {
			wg.Go(func() {
				errs[i] = save(t, state.Item{Key: k, Value: fmt.Appendf(nil, `%d`, i)})
			})
		}
		wg.Wait()
		won := 0
		for _, err := range errs {
			if err == nil {
				won++
			} else {
				require.ErrorIs(t, err, state.ErrConflict)
			}
		}
		require.Equal(t, 1, won)
	})
	t.Run("concurrent updates all count", func(t *testing.T) {
		k := key("count")
		var wg sync.WaitGroup
		errs := make([]error, 20)
		for i := range errs {
			wg.Go(func() {
				_, errs[i] = state.Update(t.Context(), store, k, func(n *int, _ bool) (bool, error) { *n++; return true, nil })
			})
		}
		wg.Wait()
		require.NoError(t, errors.Join(errs...))
		n, _, err := state.Read[int](t.Context(), store, k)
		require.NoError(t, err)
		require.Equal(t, 20, n)
	})
	t.Run("keeps a document of 1 MiB", func(t *testing.T) {
		k := key("large")
		value := `"` + strings.Repeat("x", 1<<20) + `"`
		require.NoError(t, save(t, state.Item{Key: k, Value: []byte(value)}))
		item, err := get(t, k)
		require.NoError(t, err)
		require.Len(t, item.Value, len(value))
	})
}
