// Package batch turns many small calls into few large ones.
package batch

import (
	"cmp"
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

	mu   sync.Mutex
	last *round[T]
}

// round is one call of Run. It takes items until it begins, which is when the round before has ended.
type round[T any] struct {
	items []T
	errs  []error
	begun bool
	ended chan struct{}
}

// Do hands one item in and answers Run's error for it. The batch runs under the context of
// the caller that leads it, without its cancellation: a caller that gives up must not take
// the others' work with it. So ctx must carry no deadline that Run relies on; Run sets its own.
func (g *Group[T]) Do(ctx context.Context, item T) error {
	g.mu.Lock()
	before, mine := g.last, g.last
	leads := mine == nil || mine.begun || len(mine.items) >= cmp.Or(g.Most, 100)
	if leads {
		mine = &round[T]{ended: make(chan struct{})}
		g.last = mine
	}
	at := len(mine.items)
	mine.items = append(mine.items, item)
	g.mu.Unlock()
	if leads {
		if before != nil {
			<-before.ended
		}
		g.mu.Lock()
		mine.begun = true
		g.mu.Unlock()
		mine.errs = g.try(context.WithoutCancel(ctx), mine.items)
		close(mine.ended)
	}
	<-mine.ended
	return mine.errs[at]
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
