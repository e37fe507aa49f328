package cashier

import (
	"context"
	"sync"
)

// maxFollowers bounds the slow answers that are waited for at the same time. What is beyond is left to the sweep.
const maxFollowers = 1000

// followers waits in the background for what the provider is slow to answer. Nothing
// rests on it: what it has not brought home when the process ends, the sweep asks for again.
type followers struct {
	mu      sync.Mutex
	work    sync.WaitGroup
	stops   map[int]context.CancelFunc
	next    int
	stopped bool
}

// follow runs wait in the background. cancel is called when it is to stop early, and at the end.
func (f *followers) follow(cancel context.CancelFunc, wait func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.stopped || len(f.stops) >= maxFollowers {
		cancel()
		return
	}
	if f.stops == nil {
		f.stops = map[int]context.CancelFunc{}
	}
	id := f.next
	f.next++
	f.stops[id] = cancel
	f.work.Go(func() {
		defer func() {
			cancel()
			f.mu.Lock()
			delete(f.stops, id)
			f.mu.Unlock()
		}()
		wait()
	})
}

func (f *followers) close() {
	f.mu.Lock()
	f.stopped = true
	for _, stop := range f.stops {
		stop()
	}
	f.mu.Unlock()
	f.work.Wait()
}
