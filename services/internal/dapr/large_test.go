package dapr_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/sidecart/sidecart/services/internal/dapr"
	"github.com/sidecart/sidecart/services/internal/event"
	"github.com/sidecart/sidecart/services/internal/state"
)

// tryLarge makes batches of 6 MB, more than the sidecar's body limit: the orders of one delivery can be as much.
func tryLarge(t *testing.T, client *dapr.Client, store state.Store) {
	const text = 60_000
	keys := make([]string, 100)
	items := make([]state.Item, len(keys))
	events := make([]event.Event, len(keys))
	for i := range keys {
		keys[i] = "large-" + uuid.NewString()
		items[i] = state.Item{Key: keys[i], Value: []byte(`"` + strings.Repeat("x", text+i) + `"`)}
		var err error
		events[i], err = event.New("order", "order.submitted.v1", keys[i], 1, time.Now(), strings.Repeat("x", text))
		require.NoError(t, err)
	}
	require.NoError(t, client.Publish(t.Context(), "checkout", events...))
	for _, err := range store.SaveMany(t.Context(), items) {
		require.NoError(t, err)
	}
	read, err := store.GetMany(t.Context(), keys)
	require.NoError(t, err)
	for i, item := range read {
		require.Equal(t, items[i].Value, item.Value)
	}
	for _, err := range store.SaveMany(t.Context(), items) {
		require.ErrorIs(t, err, state.ErrConflict)
	}
}
