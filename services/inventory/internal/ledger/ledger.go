// Package ledger carries the domain's decisions into the state store: stock documents,
// reservations and receipts, and the list of the products that have stock.
package ledger

import (
	"context"
	"log/slog"
	"time"

	"github.com/sidecart/sidecart/services/internal/batch"
	"github.com/sidecart/sidecart/services/internal/journal"
	"github.com/sidecart/sidecart/services/internal/state"
	"github.com/sidecart/sidecart/services/inventory/internal/stock"
)

// patience bounds the work on one batch of calls; what is not done by then is unknown. Less
// than the five seconds that callers wait.
const patience = 4 * time.Second

// callsTogether bounds how many calls (of up to 200 orders) share one batch.
const callsTogether = 8

// Ledger is one process's way to the documents. All changes of stock go through one batch
// at a time, so that within a process nobody contends for a product; between processes
// the ETag decides. Safe for concurrent use.
type Ledger struct {
	store    state.Store
	skus     *journal.Journal
	announce *Announcer
	log      *slog.Logger
	now      func() time.Time
	group    batch.Group[[]*task]
}

// New opens the ledger in the service's store.
func New(store state.Store, announce *Announcer, log *slog.Logger, now func() time.Time) *Ledger {
	l := &Ledger{store: store, skus: journal.New(store, "skus"), announce: announce, log: log, now: now}
	l.group = batch.Group[[]*task]{Run: l.run, Most: callsTogether}
	return l
}

// Answer is what became of one request.
type Answer struct {
	Result stock.Result
	// Short is the product for want of which a reservation is refused.
	Short string
}

// Do carries out requests and answers each. It never fails: what the store did not let
// happen for certain is stock.Unknown, and the caller asks again.
func (l *Ledger) Do(ctx context.Context, requests []stock.Request) []Answer {
	tasks := make([]*task, len(requests))
	for i, request := range requests {
		tasks[i] = &task{request: request, products: productsOf(request.Lines)}
	}
	answers := make([]Answer, len(tasks))
	err := l.group.Do(ctx, tasks)
	for i, t := range tasks {
		if answers[i] = t.answer; err != nil || !t.done {
			answers[i] = Answer{Result: stock.Unknown}
		}
	}
	return answers
}

// task is a request on its way.
type task struct {
	request  stock.Request
	products []string
	answer   Answer
	done     bool
}

func productsOf(lines []stock.Line) []string {
	products := make([]string, len(lines))
	for i, line := range lines {
		products[i] = line.ProductID
	}
	return products
}

func (t *task) finish(answer Answer) { t.answer, t.done = answer, true }

// document is the key of what the fence rule has read after the stock.
func (t *task) document() string {
	if t.request.ReceiptID != "" {
		return receiptKey(t.request.ReceiptID)
	}
	return reservationKey(t.request.OrderID)
}

func stockKey(productID string) string     { return "stock-" + productID }
func reservationKey(orderID string) string { return "reservation-" + orderID }
func receiptKey(receiptID string) string   { return "receipt-" + receiptID }

// run takes all tasks through rounds until each is finished, the time is up or the store fails.
func (l *Ledger) run(ctx context.Context, calls [][]*task) []error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	errs := make([]error, len(calls))
	for contended := 0; ; {
		open := unfinished(calls)
		if len(open) == 0 {
			return errs
		}
		r := l.newRound(open)
		err := r.play(ctx)
		if err == nil && r.contended {
			err = state.Backoff(ctx, contended)
			contended++
		}
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			l.log.WarnContext(ctx, "stock is left as it is, the callers ask again", "requests", len(open), "error", err)
			return errs
		}
	}
}

// unfinished answers the tasks to be decided next, one at most for each order or receipt:
// a second one has to see what became of the first.
func unfinished(calls [][]*task) []*task {
	var open []*task
	seen := map[string]bool{}
	for _, call := range calls {
		for _, t := range call {
			if key := t.document(); !t.done && !seen[key] {
				seen[key] = true
				open = append(open, t)
			}
		}
	}
	return open
}
