package store

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/sidecart/sidecart/services/internal/state"
)

// Availability is how many pieces of a product can be sold, as the inventory last said. It
// lags behind and promises nothing: the reservation at checkout decides.
type Availability struct {
	// Version of the stock that this was said of.
	Version   int64 `json:"version"`
	Available int64 `json:"available"`
}

// Stock is the availability of one product.
type Stock struct {
	ProductID string
	Availability
}

func availabilityKey(id string) string { return "availability-" + id }

// Availabilities answers one Availability per id; of what the inventory has not spoken there is none.
func (p *Products) Availabilities(ctx context.Context, ids []string) ([]Availability, error) {
	keys := make([]string, len(ids))
	for i, id := range ids {
		keys[i] = availabilityKey(id)
	}
	items, err := p.store.GetMany(ctx, keys)
	if err != nil {
		return nil, err
	}
	found := make([]Availability, len(items))
	for i, item := range items {
		if found[i], err = state.Decode[Availability](item); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// Record keeps what the inventory says, unless something newer is known, and answers an
// error (or nil) for each. A product may occur many times; only its newest word is written.
func (p *Products) Record(ctx context.Context, stocks []Stock) []error {
	newest := map[string]Stock{}
	for _, stock := range stocks {
		if known, ok := newest[stock.ProductID]; !ok || known.Version < stock.Version {
			newest[stock.ProductID] = stock
		}
	}
	failed := p.recordAll(ctx, newest)
	errs := make([]error, len(stocks))
	for i, stock := range stocks {
		errs[i] = failed[stock.ProductID]
	}
	return errs
}

// recordAll writes all in two calls; only what another writer touched meanwhile is taken one by one.
func (p *Products) recordAll(ctx context.Context, newest map[string]Stock) map[string]error {
	failed := map[string]error{}
	ids := make([]string, 0, len(newest))
	keys := make([]string, 0, len(newest))
	for id := range newest {
		ids, keys = append(ids, id), append(keys, availabilityKey(id))
	}
	items, err := p.store.GetMany(ctx, keys)
	var writeIDs []string
	var writes []state.Item
	for i, id := range ids {
		if err != nil {
			failed[id] = err
			continue
		}
		write := false
		if items[i], write, failed[id] = newest[id].onto(items[i]); write {
			writeIDs, writes = append(writeIDs, id), append(writes, items[i])
		}
	}
	for i, err := range p.store.SaveMany(ctx, writes) {
		if errors.Is(err, state.ErrConflict) {
			err = p.record(ctx, newest[writeIDs[i]])
		}
		failed[writeIDs[i]] = err
	}
	return failed
}

// onto answers the document as it is to be written, if it is older than the stock.
func (s Stock) onto(item state.Item) (state.Item, bool, error) {
	known, err := state.Decode[Availability](item)
	if err != nil || known.Version >= s.Version {
		return item, false, err
	}
	item.Value, err = json.Marshal(s.Availability)
	return item, err == nil, err
}

func (p *Products) record(ctx context.Context, stock Stock) error {
	_, err := state.Update(ctx, p.store, availabilityKey(stock.ProductID), func(known *Availability, _ bool) (bool, error) {
		newer := known.Version < stock.Version
		if newer {
			*known = stock.Availability
		}
		return newer, nil
	})
	return err
}
