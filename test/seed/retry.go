package main

import (
	"context"
	"time"
)

// patience is how long one call is repeated.
const patience = 30 * time.Second

// retry repeats a call while again says so of its error, 30 s at most.
func retry[T any](ctx context.Context, again func(error) bool, call func(context.Context) (T, error)) (T, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for pause := 50 * time.Millisecond; ; pause = min(2*pause, time.Second) {
		value, err := call(ctx)
		if err == nil || !again(err) {
			return value, err
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return value, err
		}
	}
}
