// Package sweep finds orders that are accepted but not final, whatever became of their
// messages, and puts them into the queue again (DESIGN R7, R8).
package sweep

import (
	"context"
	"log/slog"
	"time"

	"github.com/sidecart/sidecart/services/internal/state"
	"github.com/sidecart/sidecart/services/order/internal/intake"
	"github.com/sidecart/sidecart/services/order/internal/order"
	"github.com/sidecart/sidecart/services/order/internal/store"
)

const (
	// settled is how long after the last append a full page counts as complete: an id is
	// listed before its order is written, and no request takes that long.
	settled = time.Minute
	// patience is how long a resumed order is left alone, so that a queue that stands still is not flooded.
	patience = 30 * time.Second
	// pendingPatience is how long a payment may be undecided before the payment service is asked again.
	pendingPatience = time.Minute

	cursorKey = "sweep-cursor"
)

// Sweep walks the journal of orders from a cursor that moves on when a page is done. What it
// keeps in memory only saves work: after a restart it reads the open pages once more.
type Sweep struct {
	Store   state.Store
	Streams *store.Streams
	Intake  *intake.Intake
	// Grace is how long after its last event an order counts as being worked on.
	Grace time.Duration
	Now   func() time.Time

	done    map[int64]bool
	resumed map[string]time.Time
	// final are the places, by page, whose order was seen final: it is listed again when it is worked on again.
	final map[int64]map[int]bool
}

// Run looks at every order that may be open. Not to be called concurrently.
func (s *Sweep) Run(ctx context.Context) error {
	if s.done == nil {
		s.done, s.resumed, s.final = map[int64]bool{}, map[string]time.Time{}, map[int64]map[int]bool{}
	}
	now := s.Now()
	for id, at := range s.resumed {
		if now.Sub(at) > patience {
			delete(s.resumed, id)
		}
	}
	cursor, _, err := state.Read[int64](ctx, s.Store, cursorKey)
	if err != nil {
		return err
	}
	for n := max(cursor, 1); ; n++ {
		if s.done[n] {
			continue
		}
		full, err := s.page(ctx, n, now)
		if err != nil {
			return err
		}
		if !full {
			break
		}
	}
	return s.advance(ctx, max(cursor, 1))
}

// page resumes the orders of one page that are due, and notes when the page is done.
func (s *Sweep) page(ctx context.Context, n int64, now time.Time) (full bool, err error) {
	page, err := s.Streams.Journal.Read(ctx, n)
	if err != nil || len(page.IDs) == 0 {
		return false, err
	}
	open, due, err := s.look(ctx, n, page.IDs, now)
	if err != nil {
		return false, err
	}
	if page.Full() && !open && now.Sub(page.Updated) > settled {
		s.done[n] = true
		delete(s.final, n)
	}
	if len(due) == 0 {
		return page.Full(), nil
	}
	slog.InfoContext(ctx, "orders are resumed", "orders", len(due))
	if err := s.Intake.Resume(ctx, now, due...); err != nil {
		return false, err
	}
	for _, id := range due {
		s.resumed[id] = now
	}
	return page.Full(), nil
}

// look tells whether any order of the page is open, and which are due.
func (s *Sweep) look(ctx context.Context, n int64, listed []string, now time.Time) (open bool, due []string, err error) {
	if s.final[n] == nil {
		s.final[n] = map[int]bool{}
	}
	var ids []string
	var places []int
	for place, id := range listed {
		if !s.final[n][place] {
			ids, places = append(ids, id), append(places, place)
		}
	}
	loaded, err := s.Streams.Load(ctx, ids...)
	for i, l := range loaded {
		switch {
		case !l.Exists():
			// Listed, never written: its request was not accepted. It no longer can be once the page is settled.
		case l.Broken != nil:
			slog.ErrorContext(ctx, "order cannot be read", "order", l.ID, "error", l.Broken)
		case l.Order.Final():
			s.final[n][places[i]] = true
		default:
			open = true
			if _, waits := s.resumed[l.ID]; !waits && s.due(l, now) {
				due = append(due, l.ID)
			}
		}
	}
	return open, due, err
}

func (s *Sweep) due(l *store.Loaded, now time.Time) bool {
	idle := now.Sub(l.Order.UpdatedAt)
	if l.Order.Status == order.StatusAwaitingPayment && !l.Order.Cancelling {
		return l.Overdue(now) || idle > pendingPatience
	}
	return idle > s.Grace
}

func (s *Sweep) advance(ctx context.Context, from int64) error {
	to := from
	for s.done[to] {
		to++
	}
	if to == from {
		return nil
	}
	_, err := state.Update(ctx, s.Store, cursorKey, func(cursor *int64, _ bool) (bool, error) {
		write := *cursor < to
		*cursor = max(*cursor, to)
		return write, nil
	})
	if err == nil {
		for n := from; n < to; n++ {
			delete(s.done, n)
		}
	}
	return err
}
