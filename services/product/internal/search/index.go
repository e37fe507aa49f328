// Package search is the catalogue as one replica holds it in memory: for listing in order and
// for searching. It is rebuilt from state at start and fed by events; nothing in it is the truth.
package search

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/sidecart/sidecart/services/product/internal/catalogue"
)

// Index holds products. Safe for concurrent use.
type Index struct {
	words *words
	// writing is held while products are applied: one writer at a time.
	writing  sync.Mutex
	complete atomic.Bool

	mu       sync.RWMutex
	products map[string]entry // retired ones too: their version must not be forgotten
	// lists holds, per category and under "" for all, what is to be listed in its order.
	lists map[string][]place
}

type entry struct {
	catalogue.Product
	nameWords int
}

// New returns an empty index.
func New() (*Index, error) {
	words, err := newWords()
	if err != nil {
		return nil, err
	}
	return &Index{words: words, products: map[string]entry{}, lists: map[string][]place{}}, nil
}

// Complete says that everything there is has been applied once.
func (x *Index) Complete() { x.complete.Store(true) }

// IsComplete tells whether answers can be complete.
func (x *Index) IsComplete() bool { return x.complete.Load() }

// Apply takes products in, each unless its version or a later one is known. They may come in
// any order, repeatedly, and several versions of one product at once.
func (x *Index) Apply(products []catalogue.Product) error {
	x.writing.Lock()
	defer x.writing.Unlock()
	newest := map[string]entry{}
	for _, p := range products {
		if p.Version > max(x.version(p.ID), newest[p.ID].Version) {
			newest[p.ID] = entry{p, x.words.count(p.Name)}
		}
	}
	if len(newest) == 0 {
		return nil
	}
	// The words first: should they fail, nothing is recorded and the same products can come again.
	if err := x.applyWords(newest); err != nil {
		return err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.relist(newest)
	for id, e := range newest {
		x.products[id] = e
	}
	return nil
}

func (x *Index) version(id string) int64 {
	e, _ := x.get(id)
	return e.Version
}

func (x *Index) get(id string) (entry, bool) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	e, ok := x.products[id]
	return e, ok
}

// applyWords leaves alone what reads as before: a price is no word.
func (x *Index) applyWords(newest map[string]entry) error {
	var changed []catalogue.Product
	for id, e := range newest {
		old, known := x.get(id)
		same := known && old.Name == e.Name && old.Description == e.Description && old.Category == e.Category && old.Retired == e.Retired
		if !same && (known || !e.Retired) {
			changed = append(changed, e.Product)
		}
	}
	return x.words.write(changed, x.current)
}

// current is every product that can be found.
func (x *Index) current() []catalogue.Product {
	x.mu.RLock()
	defer x.mu.RUnlock()
	all := make([]catalogue.Product, 0, len(x.products))
	for _, e := range x.products {
		if !e.Retired {
			all = append(all, e.Product)
		}
	}
	return all
}

// place is where a product stands in a list: by name, without regard to case, then by id.
type place struct{ name, id string }

func placeOf(p catalogue.Product) place { return place{strings.ToLower(p.Name), p.ID} }

func (p place) compare(o place) int {
	if c := strings.Compare(p.name, o.name); c != 0 {
		return c
	}
	return strings.Compare(p.id, o.id)
}

// relist makes the lists anew that hold or are to hold one of the products; x.mu is held.
func (x *Index) relist(newest map[string]entry) {
	gone, added := map[string]map[string]bool{}, map[string][]place{}
	touch := func(list string) {
		if gone[list] == nil {
			gone[list] = map[string]bool{}
		}
	}
	for id, e := range newest {
		if old, known := x.products[id]; known && !old.Retired {
			for _, list := range []string{"", old.Category} {
				touch(list)
				gone[list][id] = true
			}
		}
		if !e.Retired {
			for _, list := range []string{"", e.Category} {
				touch(list)
				added[list] = append(added[list], placeOf(e.Product))
			}
		}
	}
	for list := range gone {
		places := make([]place, 0, len(x.lists[list])+len(added[list]))
		for _, p := range x.lists[list] {
			if !gone[list][p.id] {
				places = append(places, p)
			}
		}
		places = append(places, added[list]...)
		slices.SortFunc(places, place.compare)
		x.lists[list] = places
	}
}
