package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/sidecart/sidecart/services/internal/state"
	"github.com/sidecart/sidecart/services/inventory/internal/stock"
)

// round is one step of many tasks: read the stocks, then the reservations and receipts, decide,
// write the stocks, then the reservations and receipts of those whose stocks were written.
// It can be cut off anywhere; the next round, also another process's, goes on from the documents.
type round struct {
	*Ledger
	tasks []*task
	view  *stock.View
	// stocks and documents are the items as read, for their ETags.
	stocks    map[string]state.Item
	documents map[string]state.Item
	// failed are the products whose stock could not be read or written.
	failed map[string]error
	// contended tells that another process came between.
	contended bool
}

func (l *Ledger) newRound(tasks []*task) *round {
	return &round{
		Ledger: l, tasks: tasks, view: stock.NewView(l.now()),
		stocks: map[string]state.Item{}, documents: map[string]state.Item{}, failed: map[string]error{},
	}
}

// play answers an error when the store could not be read; nothing was written then.
func (r *round) play(ctx context.Context) error {
	if err := r.readStocks(ctx); err != nil {
		return err
	}
	if err := r.readDocuments(ctx); err != nil {
		return err
	}
	steps := make(map[*task]stock.Step, len(r.tasks))
	for _, t := range r.tasks {
		if !t.done {
			steps[t] = r.view.Decide(t.request)
		}
	}
	r.writeStocks(ctx)
	r.writeDocuments(ctx, steps)
	return nil
}

func (r *round) readStocks(ctx context.Context) error {
	var products, keys []string
	seen := map[string]bool{}
	for _, t := range r.tasks {
		for _, product := range t.products {
			if !seen[product] {
				seen[product] = true
				products, keys = append(products, product), append(keys, stockKey(product))
			}
		}
	}
	items, err := r.store.GetMany(ctx, keys)
	if err != nil {
		return err
	}
	for i, item := range items {
		r.stocks[products[i]] = item
		read, err := state.Decode[stock.Stock](item)
		switch {
		case err != nil:
			r.failed[products[i]] = err
		case item.Exists():
			r.view.AddStock(products[i], &read)
		default:
			r.view.AddStock(products[i], nil)
		}
	}
	return nil
}

// readDocuments also finishes the tasks that touch a document that cannot be decoded, so that it spoils no other's.
func (r *round) readDocuments(ctx context.Context) error {
	keys := make([]string, len(r.tasks))
	for i, t := range r.tasks {
		keys[i] = t.document()
	}
	items, err := r.store.GetMany(ctx, keys)
	if err != nil {
		return err
	}
	for i, t := range r.tasks {
		r.documents[keys[i]] = items[i]
		if err := errors.Join(r.add(t, items[i]), r.failure(t)); err != nil {
			r.giveUp(ctx, t, err)
		}
	}
	return nil
}

func (r *round) add(t *task, item state.Item) error {
	if !item.Exists() {
		return nil
	}
	if t.request.ReceiptID != "" {
		receipt, err := state.Decode[stock.Receipt](item)
		if err == nil {
			r.view.AddReceipt(receipt)
		}
		return err
	}
	reservation, err := state.Decode[stock.Reservation](item)
	if err == nil {
		r.view.AddReservation(reservation)
	}
	return err
}

// failure is the worst that happened to the task's stocks: unavailable before contended.
func (r *round) failure(t *task) error {
	var failure error
	for _, product := range t.products {
		if err := r.failed[product]; err != nil && (failure == nil || errors.Is(failure, state.ErrConflict)) {
			failure = err
		}
	}
	return failure
}

func (r *round) giveUp(ctx context.Context, t *task, err error) {
	r.log.WarnContext(ctx, "request for stock is unknown", "kind", t.request.Kind, "orderId", t.request.OrderID, "receiptId", t.request.ReceiptID, "error", err)
	t.finish(Answer{Result: stock.Unknown})
}

func (r *round) writeStocks(ctx context.Context) {
	changed := r.view.Changed()
	items := make([]state.Item, 0, len(changed))
	written := make([]*stock.Stock, 0, len(changed))
	for _, s := range changed {
		s.Announced = max(s.Announced, r.announce.Announced(s.ProductID))
		item, err := encode(r.stocks[s.ProductID], s)
		if err == nil {
			err = s.Check()
		}
		if err != nil {
			r.failed[s.ProductID] = err
			continue
		}
		items, written = append(items, item), append(written, s)
	}
	for i, err := range r.store.SaveMany(ctx, items) {
		if err != nil {
			r.failed[written[i].ProductID] = err
			continue
		}
		r.announce.Note(written[i])
	}
}

func (r *round) writeDocuments(ctx context.Context, steps map[*task]stock.Step) {
	var items []state.Item
	var writers []*task
	for _, t := range r.tasks {
		step, decided := steps[t]
		if !decided {
			continue
		}
		t.products = append(t.products, step.Need...)
		if err := r.failure(t); err != nil {
			r.settleFailure(ctx, t, err)
			continue
		}
		item, write, err := r.item(t, step)
		switch {
		case err != nil:
			r.giveUp(ctx, t, err)
		case write:
			items, writers = append(items, item), append(writers, t)
		default:
			r.conclude(ctx, t, step)
		}
	}
	for i, err := range r.store.SaveMany(ctx, items) {
		if err != nil {
			r.settleFailure(ctx, writers[i], err)
			continue
		}
		r.conclude(ctx, writers[i], steps[writers[i]])
	}
}

// settleFailure leaves a task that met another writer for the next round.
func (r *round) settleFailure(ctx context.Context, t *task, err error) {
	if errors.Is(err, state.ErrConflict) {
		r.contended = true
		return
	}
	r.giveUp(ctx, t, err)
}

func (r *round) item(t *task, step stock.Step) (item state.Item, write bool, err error) {
	read := r.documents[t.document()]
	switch {
	case step.Reservation != nil:
		item, err = encode(read, step.Reservation)
	case step.Receipt != nil:
		item, err = encode(read, step.Receipt)
	default:
		return state.Item{}, false, nil
	}
	return item, true, err
}

// conclude takes a step's result for the task's, if it has one.
func (r *round) conclude(ctx context.Context, t *task, step stock.Step) {
	if step.Result == "" {
		return
	}
	if step.Reason != "" {
		r.log.ErrorContext(ctx, "request for stock is not carried out", "kind", t.request.Kind, "orderId", t.request.OrderID, "result", step.Result, "reason", step.Reason)
	}
	t.finish(Answer{Result: step.Result, Short: step.Short})
}

func encode(read state.Item, doc any) (state.Item, error) {
	value, err := json.Marshal(doc)
	if err != nil {
		return state.Item{}, fmt.Errorf("inventory: encode %s: %w", read.Key, err)
	}
	return state.Item{Key: read.Key, Value: value, ETag: read.ETag}, nil
}
