package statetest

import (
	"context"

	"github.com/sidecart/sidecart/services/internal/state"
)

// Calls counts the calls that reach a store. Not safe for concurrent use.
type Calls struct {
	state.Store
	N int
}

// GetMany implements state.Store.
func (c *Calls) GetMany(ctx context.Context, keys []string) ([]state.Item, error) {
	if len(keys) > 0 {
		c.N++
	}
	return c.Store.GetMany(ctx, keys)
}

// SaveMany implements state.Store.
func (c *Calls) SaveMany(ctx context.Context, items []state.Item) []error {
	if len(items) > 0 {
		c.N++
	}
	return c.Store.SaveMany(ctx, items)
}
