//go:build conformance

package conformance

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/sidecart/sidecart/services/internal/state"
	"github.com/sidecart/sidecart/services/internal/state/statetest"
	"github.com/sidecart/sidecart/test/stack"
)

func key() string { return "conformance-" + uuid.NewString() }

// TestStore: one and the same behaviour on every engine, also between two replicas.
func TestStore(t *testing.T) {
	bench := stack.NewBenchOn(t, stack.FromEnv())
	one := service(t, bench, "order", nil).Store("order-state")
	two := service(t, bench, "order", nil).Store("order-state")
	t.Run("the suite of every store", func(t *testing.T) { statetest.Run(t, one) })
	t.Run("documents come back byte for byte", func(t *testing.T) { testBytes(t, one) })
	t.Run("many documents at once", func(t *testing.T) { testMany(t, one) })
	t.Run("of concurrent replicas exactly one wins", func(t *testing.T) { testReplicasWrite(t, one, two) })
	t.Run("updates by concurrent replicas all count", func(t *testing.T) { testReplicasCount(t, one, two) })
	t.Run("a document ends and can be made anew", func(t *testing.T) { testExpiry(t, one) })
}

// A writer whose answer was lost recognises its write by its bytes.
func testBytes(t *testing.T, store state.Store) {
	for _, document := range []string{
		"{ \"spaces\" :  [1 , 2 ],\n\t\"order\":1,\"b\":2,\"a\":3}", `{"html":"<&>","quoted":"\"\\\/","escaped":"\u00e9\u2028\ud83d\ude00","plain":"é😀"}`,
		`{"large":9007199254740993,"precise":1.10,"exponent":1e400}`, `null`, `""`, `[]`, `"'; DROP TABLE state; --"`,
	} {
		k := key()
		require.NoError(t, save(t, store, state.Item{Key: k, Value: []byte(document)}))
		one, err := get(t, store, k)
		require.NoError(t, err)
		require.Equal(t, document, string(one.Value))
		many, err := store.GetMany(t.Context(), []string{k, key()})
		require.NoError(t, err)
		require.Equal(t, one, many[0])
	}
}

func testMany(t *testing.T, store state.Store) {
	var keys []string
	var items []state.Item
	for i := range 250 {
		keys = append(keys, key())
		items = append(items, state.Item{Key: keys[i], Value: fmt.Appendf(nil, `{"n":%d}`, i)})
	}
	require.NoError(t, errors.Join(store.SaveMany(t.Context(), items)...))
	read, err := store.GetMany(t.Context(), keys)
	require.NoError(t, err)
	for i := range read {
		require.Equal(t, string(items[i].Value), string(read[i].Value))
		read[i].Value = []byte(`"again"`)
	}
	require.NoError(t, errors.Join(store.SaveMany(t.Context(), read)...))
	for i, err := range store.SaveMany(t.Context(), read) {
		require.ErrorIs(t, err, state.ErrConflict, "%d: its ETag is stale", i)
	}
}

func testReplicasWrite(t *testing.T, replicas ...state.Store) {
	for range 10 {
		item := state.Item{Key: key()}
		for range 2 { // to create it, then to change it
			errs := make([]error, 8)
			var writers sync.WaitGroup
			for i := range errs {
				writers.Go(func() {
					mine := item
					mine.Value = fmt.Append(nil, i)
					errs[i] = save(t, replicas[i%len(replicas)], mine)
				})
			}
			writers.Wait()
			winner := -1
			for i, err := range errs {
				if err == nil {
					require.Negative(t, winner, "two writers won")
					winner = i
					continue
				}
				require.ErrorIs(t, err, state.ErrConflict)
			}
			require.GreaterOrEqual(t, winner, 0, "no writer won")
			var err error
			item, err = get(t, replicas[0], item.Key)
			require.NoError(t, err)
			require.Equal(t, fmt.Sprint(winner), string(item.Value))
		}
	}
}

func testReplicasCount(t *testing.T, replicas ...state.Store) {
	k := key()
	errs := make([]error, 8)
	var writers sync.WaitGroup
	for i := range errs {
		writers.Go(func() {
			for range 5 {
				_, err := state.Update(t.Context(), replicas[i%len(replicas)], k, func(n *int, _ bool) (bool, error) { *n++; return true, nil })
				errs[i] = errors.Join(errs[i], err)
			}
		})
	}
	writers.Wait()
	require.NoError(t, errors.Join(errs...))
	n, _, err := state.Read[int](t.Context(), replicas[0], k)
	require.NoError(t, err)
	require.Equal(t, 5*len(errs), n)
}

func testExpiry(t *testing.T, store state.Store) {
	k := key()
	require.NoError(t, save(t, store, state.Item{Key: k, Value: []byte(`1`), TTL: 2 * time.Second}))
	require.Eventually(t, func() bool {
		item, err := get(t, store, k)
		return err == nil && !item.Exists()
	}, 10*time.Second, 20*time.Millisecond)
	many, err := store.GetMany(t.Context(), []string{k, key()})
	require.NoError(t, err)
	require.False(t, many[0].Exists(), "nor is it there in bulk")
	require.NoError(t, save(t, store, state.Item{Key: k, Value: []byte(`2`)}))
	item, err := get(t, store, k)
	require.NoError(t, err)
	require.Equal(t, `2`, string(item.Value))
}

func get(t *testing.T, store state.Store, key string) (state.Item, error) {
	items, err := store.GetMany(t.Context(), []string{key})
	if err != nil {
		return state.Item{}, err
	}
	return items[0], nil
}

func save(t *testing.T, store state.Store, item state.Item) error {
	return store.SaveMany(t.Context(), []state.Item{item})[0]
}
