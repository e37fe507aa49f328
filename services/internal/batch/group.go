// Package batch turns many small calls into few large ones.
package batch

import (
	"context"
	"fmt"
	"slices"
	"sync"
)

// Group is a group commit: items that arrive while a call is under way wait for it and
// then share the next one. A lone item is never delayed. Nothing outlives the callers:
// the work is done by whichever of them came first.
//
// The zero value needs Run; all methods may be called concurrently.
type Group[T any] struct {
	// Run handles up to Most items and answers an error (or nil) for each.
	Run func(ctx context.Context, items []T) []error
	// Most is the largest batch; 0 means 100.
	Most int

	mu      sync.Mutex
	waiting []call[T]
	running bool
}

type call[T any] struct {
	item T
	done chan error
	lead chan struct{}
}

// Do hands one item in and answers Run's error for it. The batch runs under the context of
// the caller that leads it, without its cancellation: a caller that gives up must not take
// the others' work with it. So ctx must carry no deadline that Run relies on; Run sets its own.
func (g *Group[T]) Do(ctx context.Context, item T) error {
	c := call[T]{item, make(chan error, 1), make(chan struct{}, 1)}
	g.mu.Lock()
	g.waiting = append(g.waiting, c)
	if !g.running {
		g.running = true
		c.lead <- struct{}{}
	}
	g.mu.Unlock()
	select {
	case err := <-c.done:
		return err
	case <-c.lead:
	}
	g.mu.Lock()
	most := g.Most
	if most == 0 {
		most = 100
	}
	// The leader is the oldest in waiting, so it is in its own batch.
	n := min(len(g.waiting), most)
	calls := append([]call[T]{}, g.waiting[:n]...)
	g.waiting = g.waiting[n:]
	g.mu.Unlock()
	items := make([]T, n)
	for i, c := range calls {
		items[i] = c.item
	}
	errs := g.try(context.WithoutCancel(ctx), items)
	g.mu.Lock()
	if len(g.waiting) > 0 {
		g.waiting[0].lead <- struct{}{}
	} else {
		g.running = false
	}
	g.mu.Unlock()
	for i, c := range calls {
		c.done <- errs[i]
	}
	return <-c.done
}

// try turns a panic into an error of each item: those who wait must not wait for ever.
func (g *Group[T]) try(ctx context.Context, items []T) (errs []error) {
	defer func() {
		if p := recover(); p != nil {
			errs = slices.Repeat([]error{fmt.Errorf("batch: panic: %v", p)}, len(items))
		}
	}()
	return g.Run(ctx, items)
}

// Waiting is how many items wait for the next call.
func (g *Group[T]) Waiting() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.waiting)
}
