package auth

import "time"

// Forget lets the keys be fetched again at once.
func (v *Verifier) Forget() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.fetched = time.Time{}
}
