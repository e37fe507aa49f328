package store

import (
	"context"

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
	return state.ReadMany[Availability](ctx, p.store, ids, availabilityKey)
}

// Record keeps what the inventory says, unless something newer is known, and answers an
// error (or nil) for each. A product may occur many times; only its newest word is written.
func (p *Products) Record(ctx context.Context, stocks []Stock) []error {
	newest := map[string]Availability{}
	var ids, keys []string
	for _, stock := range stocks {
		known, repeated := newest[stock.ProductID]
		if !repeated {
			ids, keys = append(ids, stock.ProductID), append(keys, availabilityKey(stock.ProductID))
		}
		if !repeated || known.Version < stock.Version {
			newest[stock.ProductID] = stock.Availability
		}
	}
	_, failures := state.UpdateMany(ctx, p.store, keys, 0, func(i int, known *Availability, _ bool) (bool, error) {
		newer := known.Version < newest[ids[i]].Version
		if newer {
			*known = newest[ids[i]]
		}
		return newer, nil
	})
	failed := map[string]error{}
	for i, id := range ids {
		failed[id] = failures[i]
	}
	errs := make([]error, len(stocks))
	for i, stock := range stocks {
		errs[i] = failed[stock.ProductID]
	}
	return errs
}
