package ledger_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/sidecart/sidecart/services/internal/state"
	"github.com/sidecart/sidecart/services/internal/state/statetest"
	"github.com/sidecart/sidecart/services/inventory/internal/stock"
)

// stage is a store on which several processes play. Every single read and write waits until
// the director lets it happen, one at a time, in an order and with failures that come from
// chance: the same seed gives the same play.
type stage struct {
	memory *statetest.Memory
	asks   chan *ask
	chance *rand.Rand
	// favourite goes first for burst more calls, so that the others are late by much, not by one call only.
	favourite *process
	burst     int
	// mishaps are how many failures and crashes are left to happen.
	mishaps int
	broken  error
}

type ask struct {
	process *process
	write   bool
	verdict chan verdict
}

type verdict int

const (
	proceed verdict = iota
	failBefore
	failAfter
	crashBefore
	crashAfter
	// loseAnswer: the write took place, and is taken for another's (the sidecar's word is not proof).
	loseAnswer
	verdicts
)

var errMishap = fmt.Errorf("%w: mishap", state.ErrUnavailable)

// direct lets the players' calls happen until all have left.
func (s *stage) direct(players int, left <-chan struct{}) {
	var waiting []*ask
	for {
		for len(waiting) < players {
			select {
			case a := <-s.asks:
				waiting = append(waiting, a)
			case <-left:
				players--
			}
		}
		if players == 0 {
			return
		}
		i := s.next(waiting)
		next := waiting[i]
		waiting = append(waiting[:i], waiting[i+1:]...)
		next.verdict <- s.judge(next)
	}
}

func (s *stage) next(waiting []*ask) int {
	if s.burst > 0 {
		s.burst--
		for i, a := range waiting {
			if a.process == s.favourite {
				return i
			}
		}
	}
	i := s.chance.IntN(len(waiting))
	s.favourite, s.burst = waiting[i].process, s.chance.IntN(1<<s.chance.IntN(6))
	return i
}

func (s *stage) judge(a *ask) verdict {
	if s.mishaps == 0 || s.chance.IntN(10) > 0 {
		return proceed
	}
	s.mishaps--
	if !a.write {
		return []verdict{failBefore, crashBefore}[s.chance.IntN(2)]
	}
	return verdict(s.chance.IntN(int(verdicts)))
}

// process is one process's access to the stage; once it has crashed, nothing it does arrives.
type process struct {
	*stage
	dead bool
}

func (p *process) enter(write bool) (verdict, error) {
	if p.dead {
		return crashBefore, errMishap
	}
	a := &ask{process: p, write: write, verdict: make(chan verdict)}
	p.asks <- a
	v := <-a.verdict
	p.dead = v == crashBefore || v == crashAfter
	if v == failBefore || v == crashBefore {
		return v, errMishap
	}
	return v, nil
}

func (p *process) Get(ctx context.Context, key string) (state.Item, error) {
	if _, err := p.enter(false); err != nil {
		return state.Item{}, err
	}
	return p.memory.Get(ctx, key)
}

func (p *process) GetMany(ctx context.Context, keys []string) ([]state.Item, error) {
	items := make([]state.Item, len(keys))
	for i, key := range keys {
		item, err := p.Get(ctx, key)
		if err != nil {
			return nil, err
		}
		items[i] = item
	}
	return items, nil
}

func (p *process) Save(ctx context.Context, item state.Item) error {
	v, err := p.enter(true)
	if err != nil {
		return err
	}
	err = p.memory.Save(ctx, item)
	if err == nil {
		p.inspect(item)
	}
	switch {
	case v == failAfter, v == crashAfter:
		return errMishap
	case v == loseAnswer:
		return state.ErrConflict
	}
	return err
}

func (p *process) SaveMany(ctx context.Context, items []state.Item) []error {
	errs := make([]error, len(items))
	for n := range items {
		// A bulk's writes happen in any order.
		i := len(items) - 1 - n
		errs[i] = p.Save(ctx, items[i])
	}
	return errs
}

func (p *process) Delete(context.Context, state.Item) error { return errors.ErrUnsupported }

// inspect holds every stock that is written to the invariants.
func (p *process) inspect(item state.Item) {
	if !strings.HasPrefix(item.Key, "stock-") {
		return
	}
	var s stock.Stock
	err := json.Unmarshal(item.Value, &s)
	if err == nil {
		err = s.Check()
	}
	p.broken = errors.Join(p.broken, err)
}
