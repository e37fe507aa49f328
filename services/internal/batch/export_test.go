package batch

// Waiting is how many items wait for the next call.
func (g *Group[T]) Waiting() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.last == nil || g.last.begun {
		return 0
	}
	return len(g.last.items)
}
