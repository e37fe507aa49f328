package statetest

import (
	"context"
	"fmt"
	"strconv"
	"sync"

	"github.com/sidecart/sidecart/services/internal/state"
)

// Memory is a state.Store in memory with the semantics of the real ones, for property tests
// that need thousands of interleavings. It passes the same suite as the Dapr adapter.
type Memory struct {
	mu   sync.Mutex
	docs map[string]state.Item
	seq  int

	// Fault, when set, is asked before (applied false) and after (applied true) each
	// write, and before each read with an empty key; an error it answers is what the caller sees.
	Fault func(key string, applied bool) error
}

// NewMemory returns an empty store.
func NewMemory() *Memory { return &Memory{docs: map[string]state.Item{}} }

func (m *Memory) fault(key string, applied bool) error {
	if m.Fault == nil {
		return nil
	}
	if err := m.Fault(key, applied); err != nil {
		return fmt.Errorf("%w: %w", state.ErrUnavailable, err)
	}
	return nil
}

// Get reads one document.
func (m *Memory) Get(_ context.Context, key string) (state.Item, error) {
	if err := m.fault("", false); err != nil {
		return state.Item{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	item, ok := m.docs[key]
	if !ok {
		return state.Item{Key: key}, nil
	}
	item.Value = append([]byte{}, item.Value...)
	return item, nil
}

// GetMany implements state.Store.
func (m *Memory) GetMany(ctx context.Context, keys []string) ([]state.Item, error) {
	items := make([]state.Item, len(keys))
	for i, key := range keys {
		item, err := m.Get(ctx, key)
		if err != nil {
			return nil, err
		}
		items[i] = item
	}
	return items, nil
}

// Save writes one document.
func (m *Memory) Save(_ context.Context, item state.Item) error {
	if err := m.fault(item.Key, false); err != nil {
		return err
	}
	m.mu.Lock()
	if m.docs[item.Key].ETag != item.ETag {
		m.mu.Unlock()
		return fmt.Errorf("%w: %s", state.ErrConflict, item.Key)
	}
	m.seq++
	m.docs[item.Key] = state.Item{Key: item.Key, Value: append([]byte{}, item.Value...), ETag: strconv.Itoa(m.seq)}
	m.mu.Unlock()
	return m.fault(item.Key, true)
}

// SaveMany implements state.Store.
func (m *Memory) SaveMany(ctx context.Context, items []state.Item) []error {
	errs := make([]error, len(items))
	for i, item := range items {
		errs[i] = m.Save(ctx, item)
	}
	return errs
}
