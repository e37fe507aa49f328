package state

import (
	"context"
	"fmt"
	"strconv"
	"sync"
)

// Memory is a Store in memory with the semantics of the real ones, for property tests
// that need thousands of interleavings. It passes the same suite as the Dapr adapter.
type Memory struct {
	mu   sync.Mutex
	docs map[string]Item
	seq  int

	// Fault, when set, is asked before (applied false) and after (applied true) each
	// write, and before each read with an empty key; an error it answers is what the caller sees.
	Fault func(key string, applied bool) error
}

// NewMemory returns an empty store.
func NewMemory() *Memory { return &Memory{docs: map[string]Item{}} }

func (m *Memory) fault(key string, applied bool) error {
	if m.Fault == nil {
		return nil
	}
	if err := m.Fault(key, applied); err != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return nil
}

// Get implements Store.
func (m *Memory) Get(_ context.Context, key string) (Item, error) {
	if err := m.fault("", false); err != nil {
		return Item{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	item, ok := m.docs[key]
	if !ok {
		return Item{Key: key}, nil
	}
	item.Value = append([]byte{}, item.Value...)
	return item, nil
}

// GetMany implements Store.
func (m *Memory) GetMany(ctx context.Context, keys []string) ([]Item, error) {
	items := make([]Item, len(keys))
	for i, key := range keys {
		item, err := m.Get(ctx, key)
		if err != nil {
			return nil, err
		}
		items[i] = item
	}
	return items, nil
}

// Save implements Store.
func (m *Memory) Save(_ context.Context, item Item) error {
	return m.write(item, func() {
		m.seq++
		m.docs[item.Key] = Item{Key: item.Key, Value: append([]byte{}, item.Value...), ETag: strconv.Itoa(m.seq)}
	})
}

// SaveMany implements Store.
func (m *Memory) SaveMany(ctx context.Context, items []Item) []error {
	errs := make([]error, len(items))
	for i, item := range items {
		errs[i] = m.Save(ctx, item)
	}
	return errs
}

// Delete implements Store.
func (m *Memory) Delete(_ context.Context, item Item) error {
	return m.write(item, func() { delete(m.docs, item.Key) })
}

func (m *Memory) write(item Item, apply func()) error {
	if err := m.fault(item.Key, false); err != nil {
		return err
	}
	m.mu.Lock()
	if m.docs[item.Key].ETag != item.ETag {
		m.mu.Unlock()
		return fmt.Errorf("%w: %s", ErrConflict, item.Key)
	}
	apply()
	m.mu.Unlock()
	return m.fault(item.Key, true)
}
