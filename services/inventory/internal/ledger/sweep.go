package ledger

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/sidecart/sidecart/services/internal/state"
	"github.com/sidecart/sidecart/services/inventory/internal/stock"
)

// Outcome of an order, as the order service tells it.
type Outcome string

// The outcomes. Open: not decided, or being undone; Absent: there is no such order.
const (
	Open      Outcome = "open"
	Confirmed Outcome = "confirmed"
	Cancelled Outcome = "cancelled"
	Absent    Outcome = "none"
)

// askTogether bounds the orders of one question.
const askTogether = 100

// Sweeper finds what somebody died over: holds that nobody needs, marks that have served,
// changes that were not announced. It frees the pieces of an order only when the order
// service says that the order does not keep them; that time has passed is no more than a reason to ask.
type Sweeper struct {
	Ledger *Ledger
	// Grace is how old a hold must be to be looked at.
	Grace time.Duration
	// Outcomes asks the order service, for at most 100 orders; an order it leaves out counts as open.
	Outcomes func(ctx context.Context, orderIDs []string) (map[string]Outcome, error)

	running sync.Mutex
}

// Sweep goes over all products once. What fails is left for the next time.
func (s *Sweeper) Sweep(ctx context.Context) error {
	if !s.running.TryLock() {
		return nil
	}
	defer s.running.Unlock()
	var failures error
	err := s.Ledger.skus.All(ctx, func(ids []string) error {
		stocks, err := s.Ledger.read(ctx, ids)
		failures = errors.Join(failures, err, s.holds(ctx, stocks), s.marks(ctx, stocks), s.unannounced(ctx, stocks))
		return ctx.Err()
	})
	return errors.Join(err, failures)
}

// holds looks after old holds: the reservation is read after the stock.
func (s *Sweeper) holds(ctx context.Context, stocks []stored) error {
	now := s.Ledger.now()
	lines := map[string][]stock.Line{}
	for _, read := range stocks {
		for orderID, hold := range read.stock.Holds {
			if now.Sub(hold.Since) >= s.Grace {
				lines[orderID] = append(lines[orderID], stock.Line{ProductID: read.stock.ProductID, Quantity: hold.Quantity})
			}
		}
	}
	reservations, err := s.Ledger.Reservations(ctx, sortedKeys(lines))
	if err != nil {
		return err
	}
	var requests []stock.Request
	var ask []string
	for _, r := range reservations {
		switch {
		case r.State == stock.None, r.State == stock.Held && now.After(r.ExpiresAt):
			ask = append(ask, r.OrderID)
		case r.State != stock.Held:
			requests = append(requests, stock.Request{Kind: stock.Tidy, OrderID: r.OrderID, Lines: lines[r.OrderID]})
		}
	}
	decided, err := s.ask(ctx, ask, lines)
	return errors.Join(err, s.do(ctx, append(requests, decided...)))
}

// ask turns the order service's word into requests.
func (s *Sweeper) ask(ctx context.Context, orderIDs []string, lines map[string][]stock.Line) ([]stock.Request, error) {
	var requests []stock.Request
	var failures error
	for chunk := range slices.Chunk(orderIDs, askTogether) {
		outcomes, err := s.Outcomes(ctx, chunk)
		failures = errors.Join(failures, err)
		for _, id := range chunk {
			switch outcomes[id] {
			case Confirmed:
				requests = append(requests, stock.Request{Kind: stock.Settle, OrderID: id, Lines: lines[id]})
			case Cancelled, Absent:
				requests = append(requests, stock.Request{Kind: stock.Release, OrderID: id, Lines: lines[id]})
			}
		}
	}
	return requests, failures
}

// marks removes the marks of receipts and returns that are complete.
func (s *Sweeper) marks(ctx context.Context, stocks []stored) error {
	var requests []stock.Request
	returned := map[string][]stock.Line{}
	for _, read := range stocks {
		for id, quantity := range read.stock.Receipts {
			requests = append(requests, stock.Request{Kind: stock.Prune, ReceiptID: id, Lines: []stock.Line{{ProductID: read.stock.ProductID, Quantity: quantity}}})
		}
		for id, quantity := range read.stock.Returns {
			returned[id] = append(returned[id], stock.Line{ProductID: read.stock.ProductID, Quantity: quantity})
		}
	}
	for _, id := range sortedKeys(returned) {
		requests = append(requests, stock.Request{Kind: stock.Tidy, OrderID: id, Lines: returned[id]})
	}
	return s.do(ctx, requests)
}

func (s *Sweeper) do(ctx context.Context, requests []stock.Request) error {
	unknown := 0
	for chunk := range slices.Chunk(requests, 200) {
		for _, answer := range s.Ledger.Do(ctx, chunk) {
			if answer.Result == stock.Unknown {
				unknown++
			}
		}
	}
	if unknown > 0 {
		return fmt.Errorf("inventory: %d of %d requests of the sweep are unknown", unknown, len(requests))
	}
	return nil
}

// unannounced publishes changes whose announcement is not on record, and records it. A
// record that meets another write is left: that write carries it, or the next sweep.
func (s *Sweeper) unannounced(ctx context.Context, stocks []stored) error {
	var silent []stored
	for _, read := range stocks {
		if read.stock.Announced < read.stock.Version {
			silent = append(silent, read)
			s.Ledger.announce.Note(&read.stock)
		}
	}
	if len(silent) == 0 {
		return nil
	}
	if err := s.Ledger.announce.Flush(ctx); err != nil {
		return err
	}
	for _, read := range silent {
		if s.Ledger.announce.Announced(read.stock.ProductID) != read.stock.Version {
			continue
		}
		read.stock.Announced = read.stock.Version
		item, err := encode(read.item, read.stock)
		if err != nil {
			return err
		}
		_ = s.Ledger.store.SaveMany(ctx, []state.Item{item})
	}
	return nil
}

func sortedKeys(m map[string][]stock.Line) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
