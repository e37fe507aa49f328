// Package store keeps the read side's documents.
package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/sidecart/sidecart/services/internal/state"
)

// perPage bounds a page of a list: at 36 bytes an id, about 8 KB.
const perPage = 200

// ErrPlace: there is no such place in the list.
var ErrPlace = errors.New("store: no such place")

// Lists are lists of ids, each in pages of bounded size. A journal (services/internal/journal) is
// one list with one writer in mind; these are as many as there are customers, so ids are appended to
// many of them in one bulk read and write, and they are read from their end.
//
// Pages are only ever appended to, so a Place stays true. An id is appended before its
// document is written; the document records the place that counts, so that an id which a
// crash or a race listed twice shows once, always at the same place.
type Lists struct{ store state.Store }

// Place is where an id is listed; pages are counted from 1. The zero Place is the end of a list.
type Place struct {
	Page  int64 `json:"page"`
	Index int   `json:"index"`
}

// Listed is an id at its place.
type Listed struct {
	ID string
	Place
}

// Addition is an id that is to be listed.
type Addition struct{ List, ID string }

type listPage struct {
	IDs []string `json:"ids"`
	// End, on page 1 only: a page that exists or is about to, where to look for the end. Only a hint.
	End int64 `json:"end,omitempty"`
}

func (p listPage) full() bool { return len(p.IDs) >= perPage }

func pageKey(list string, n int64) string { return fmt.Sprintf("%s-page-%d", list, n) }

// Append lists ids and answers for each its place, once that is durable, or an error:
// state.ErrUnavailable, after which it may be listed all the same, or state.ErrConflict.
func (l Lists) Append(ctx context.Context, additions []Addition) ([]Place, []error) {
	ends := map[string]*end{}
	var open []*end
	for _, a := range additions {
		e := ends[a.List]
		if e == nil {
			e = &end{list: a.List, page: 1, places: map[string]Place{}}
			ends[a.List], open = e, append(open, e)
		}
		if !slices.Contains(e.waiting, a.ID) {
			e.waiting = append(e.waiting, a.ID)
		}
	}
	for try := 0; len(open) > 0; try++ {
		if err := l.round(ctx, open, try); err != nil {
			for _, e := range open {
				e.err = err
			}
		}
		open = slices.DeleteFunc(open, func(e *end) bool { return e.err != nil || len(e.waiting) == 0 })
	}
	for _, e := range ends {
		l.hint(ctx, e)
	}
	places, errs := make([]Place, len(additions)), make([]error, len(additions))
	for i, a := range additions {
		place, listed := ends[a.List].places[a.ID]
		if places[i] = place; !listed {
			errs[i] = ends[a.List].err
		}
	}
	return places, errs
}

// end is where one list is being appended to.
type end struct {
	list       string
	page, hint int64
	waiting    []string
	places     map[string]Place
	err        error
}

// attempts bounds the rounds of one Append, most of which are lost to other writers.
const attempts = 100

// round takes every open list one step further: reads a page of each, adds what fits, writes them all.
func (l Lists) round(ctx context.Context, open []*end, try int) error {
	if try >= attempts {
		return fmt.Errorf("%w: lists are contended", state.ErrConflict)
	}
	keys := make([]string, len(open))
	for i, e := range open {
		keys[i] = pageKey(e.list, e.page)
	}
	items, err := l.store.GetMany(ctx, keys)
	if err != nil {
		return err
	}
	var writes []state.Item
	var done []func()
	var writers []*end
	for i, e := range open {
		value, then, err := e.add(items[i])
		switch {
		case err != nil:
			e.err = err
		case value == nil:
			then()
		default:
			items[i].Value = value
			writes, done, writers = append(writes, items[i]), append(done, then), append(writers, e)
		}
	}
	lost := false
	for i, err := range l.store.SaveMany(ctx, writes) {
		switch {
		case err == nil:
			done[i]()
		case errors.Is(err, state.ErrConflict):
			lost = true
		default:
			writers[i].err = err
		}
	}
	if lost {
		return state.Backoff(ctx, try)
	}
	return nil
}

// add puts what waits into the page as far as it fits. It answers the page to write, nil when it
// stays as it is, and what to note down once that is written.
func (e *end) add(item state.Item) (value []byte, then func(), err error) {
	page, err := state.Decode[listPage](item)
	if err != nil {
		return nil, nil, err
	}
	if e.page == 1 {
		if e.hint = max(page.End, 1); page.full() && e.hint > 1 {
			return nil, func() { e.page = e.hint }, nil
		}
	}
	before, rest := len(page.IDs), []string(nil)
	places := map[string]Place{}
	for _, id := range e.waiting {
		at := slices.Index(page.IDs, id)
		if at < 0 && page.full() {
			rest = append(rest, id)
			continue
		}
		if at < 0 {
			at, page.IDs = len(page.IDs), append(page.IDs, id)
		}
		places[id] = Place{e.page, at}
	}
	then = func() {
		for id, place := range places {
			e.places[id] = place
		}
		if e.waiting = rest; len(rest) > 0 {
			e.page++
		}
	}
	if len(page.IDs) == before {
		return nil, then, nil
	}
	value, err = json.Marshal(page)
	return value, then, err
}

// hint records a new last page. That it cannot be written costs only a longer look for the end.
func (l Lists) hint(ctx context.Context, e *end) {
	if e.page <= max(e.hint, 1) {
		return
	}
	_, _ = state.Update(ctx, l.store, pageKey(e.list, 1), func(first *listPage, _ bool) (bool, error) {
		write := first.End < e.page
		first.End = max(first.End, e.page)
		return write, nil
	})
}

func (l Lists) page(ctx context.Context, list string, n int64) (listPage, error) {
	page, _, err := state.Read[listPage](ctx, l.store, pageKey(list, n))
	return page, err
}

// Older answers what is listed before a place, newest first and at most n; fewer say that the list begins there.
// Errors: ErrPlace, state.ErrUnavailable.
func (l Lists) Older(ctx context.Context, list string, before Place, n int) ([]Listed, error) {
	page, before, err := l.at(ctx, list, before)
	var found []Listed
	for err == nil {
		for i := before.Index - 1; i >= 0 && len(found) < n; i-- {
			found = append(found, Listed{page.IDs[i], Place{before.Page, i}})
		}
		if len(found) == n || before.Page == 1 {
			return found, nil
		}
		page, err = l.page(ctx, list, before.Page-1)
		before = Place{before.Page - 1, len(page.IDs)}
	}
	return nil, err
}

// at reads the page of a place; of the zero Place it looks for the end.
func (l Lists) at(ctx context.Context, list string, place Place) (listPage, Place, error) {
	if place != (Place{}) {
		page, err := l.page(ctx, list, place.Page)
		if err == nil && (place.Index < 0 || place.Index >= len(page.IDs)) {
			err = ErrPlace
		}
		return page, place, err
	}
	first, err := l.page(ctx, list, 1)
	last, n := first, int64(1)
	if first.full() && first.End > 1 {
		n = first.End
		last, err = l.page(ctx, list, n)
	}
	for err == nil && last.full() {
		n++
		last, err = l.page(ctx, list, n)
	}
	return last, Place{n, len(last.IDs)}, err
}

// All calls do with every page of the list, from its beginning.
func (l Lists) All(ctx context.Context, list string, do func([]Listed) error) error {
	for n := int64(1); ; n++ {
		page, err := l.page(ctx, list, n)
		if err != nil {
			return err
		}
		listed := make([]Listed, len(page.IDs))
		for i, id := range page.IDs {
			listed[i] = Listed{id, Place{n, i}}
		}
		if err := do(listed); err != nil || !page.full() {
			return err
		}
	}
}
