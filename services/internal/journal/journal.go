// Package journal lists the keys of a service's documents, which Dapr's state API cannot: append-only
// lists in pages of bounded size, each page one document. Lists are as many as there are customers,
// say, read from their newest end; a Journal is a single one, to which many callers append at once.
//
// An id is appended before its document is written, so that a document without its id
// cannot exist; an id without its document, or listed twice, can, and readers skip it.
package journal

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/sidecart/sidecart/services/internal/batch"
	"github.com/sidecart/sidecart/services/internal/problem"
	"github.com/sidecart/sidecart/services/internal/state"
)

// PerPage bounds a page: at 36 bytes an id, about 8 KB.
const PerPage = 200

// Page is one page of a list.
type Page struct {
	IDs []string `json:"ids"`
	// Updated is when the last id was appended.
	Updated time.Time `json:"updated"`
	// End, on page 1 only: a page that exists or is about to, where to look for the end. Only a hint.
	End int64 `json:"end,omitempty"`
}

// Full tells that nothing will be appended to the page any more.
func (p Page) Full() bool { return len(p.IDs) >= PerPage }

// Lists are the lists of a store, each known by its name. Safe for concurrent use, also by several processes.
type Lists struct{ Store state.Store }

// Addition is an id that is to be listed.
type Addition struct{ List, ID string }

func pageKey(list string, n int64) string { return fmt.Sprintf("%s-page-%d", list, n) }

// Read returns page n of a list, the first being 1; a page that is not there yet is empty.
func (l Lists) Read(ctx context.Context, list string, n int64) (Page, error) {
	page, _, err := state.Read[Page](ctx, l.Store, pageKey(list, n))
	return page, err
}

// All calls do with every page of a list and its number, from the beginning.
func (l Lists) All(ctx context.Context, list string, do func(n int64, ids []string) error) error {
	for n := int64(1); ; n++ {
		page, err := l.Read(ctx, list, n)
		if err == nil && len(page.IDs) > 0 {
			err = do(n, page.IDs)
		}
		if err != nil || !page.Full() {
			return err
		}
	}
}

// Append lists ids, of all lists in one bulk read and write if it can be, and answers for each its place, once that is
// durable, or an error: state.ErrUnavailable, after which it may be listed all the same, or state.ErrConflict.
// An id that the page at the end holds already keeps its place there, so that trying again does not fill the list.
func (l Lists) Append(ctx context.Context, additions []Addition) ([]Place, []error) {
	ends := map[string]*end{}
	var all []*end
	for _, a := range additions {
		e := ends[a.List]
		if e == nil {
			e = &end{list: a.List, page: 1}
			ends[a.List], all = e, append(all, e)
		}
		e.waiting = append(e.waiting, a.ID)
	}
	l.append(ctx, all)
	places, errs := make([]Place, len(additions)), make([]error, len(additions))
	for i, a := range additions {
		if e := ends[a.List]; len(e.places) > 0 {
			places[i], e.places = e.places[0], e.places[1:]
		} else {
			errs[i] = e.err
		}
	}
	return places, errs
}

// end is where one list is being appended to.
type end struct {
	list string
	// page is being filled; known is the last page that page 1 is known to name.
	page, known int64
	// again lists also what the page holds already.
	again   bool
	waiting []string
	// places are those of what is listed, found those that it gets when the page is written.
	places, found []Place
	err           error
}

// append fills a page of every list, then the next one of those that have more, until nothing waits that has not failed.
func (l Lists) append(ctx context.Context, ends []*end) {
	open := slices.Clone(ends)
	for len(open) > 0 {
		keys := make([]string, len(open))
		for i, e := range open {
			keys[i] = pageKey(e.list, e.page)
		}
		_, errs := state.UpdateMany(ctx, l.Store, keys, 0, func(i int, page *Page, _ bool) (bool, error) { return open[i].fill(page), nil })
		for i, e := range open {
			if e.err = errs[i]; e.err != nil {
				continue
			}
			if e.places, e.waiting = append(e.places, e.found...), e.waiting[len(e.found):]; len(e.waiting) > 0 {
				e.page = max(e.page+1, e.known)
			}
		}
		open = slices.DeleteFunc(open, func(e *end) bool { return e.err != nil || len(e.waiting) == 0 })
	}
	for _, e := range ends {
		if e.page <= max(e.known, 1) {
			continue
		}
		// That the hint cannot be written costs only a longer look for the end.
		_, _ = state.Update(ctx, l.Store, pageKey(e.list, 1), func(first *Page, _ bool) (bool, error) {
			write := first.End < e.page
			first.End = max(first.End, e.page)
			return write, nil
		})
	}
}

// fill puts what waits into the page as far as it fits, and tells whether the page has grown.
func (e *end) fill(page *Page) (grown bool) {
	e.found = nil
	if e.page == 1 {
		e.known = page.End
	}
	for _, id := range e.waiting {
		at := slices.Index(page.IDs, id)
		if at < 0 || e.again {
			if page.Full() {
				break
			}
			at, grown = len(page.IDs), true
			page.IDs, page.Updated = append(page.IDs, id), time.Now().UTC()
		}
		e.found = append(e.found, At(e.page, at))
	}
	return grown
}

// Place is where an id is listed, such as "3.17"; clients get it as a cursor. Pages are only ever appended to, so
// a place stays true. The document records the place that counts, so that an id which a crash or a race listed
// twice shows once, always at the same place. The empty Place is the end of a list.
type Place string

// At is the place on page n, from 1, at an index from 0.
func At(n int64, index int) Place { return Place(fmt.Sprintf("%d.%d", n, index)) }

// ErrPlace: there is no such place in the list.
var ErrPlace error = problem.InField(problem.InvalidParameter, "cursor", "is not one that this list has answered")

// Newest answers up to most documents of those listed before a place, the newest first, and the place to go on
// before, which is empty at the end. key is that of an id's document; counts answers the place at which a document
// says that it is listed. Errors: ErrPlace, state.ErrUnavailable.
func Newest[T any](ctx context.Context, l Lists, list string, before Place, most int, key func(id string) string, counts func(T) Place) (found []T, next Place, err error) {
	n, ids, err := l.before(ctx, list, before)
	for err == nil {
		// One more than asked for tells whether there is a next page.
		from := max(len(ids)-(most+1-len(found)), 0)
		var docs []T
		docs, err = state.ReadMany[T](ctx, l.Store, ids[from:], key)
		for i := len(docs) - 1; i >= 0; i-- {
			if counts(docs[i]) == At(n, from+i) {
				found = append(found, docs[i])
			}
		}
		switch ids = ids[:from]; {
		case err != nil:
		case len(found) > most:
			return found[:most], counts(found[most-1]), nil
		case n == 1 && from == 0:
			return found, "", nil
		case from == 0:
			n--
			var page Page
			page, err = l.Read(ctx, list, n)
			ids = page.IDs
		}
	}
	return nil, "", err
}

// before answers the number of a place's page and what is listed there before it.
func (l Lists) before(ctx context.Context, list string, place Place) (n int64, ids []string, err error) {
	if place != "" {
		index := 0
		_, _ = fmt.Sscanf(string(place), "%d.%d", &n, &index)
		page, err := l.Read(ctx, list, n)
		if err != nil || place != At(n, index) || index < 0 || index >= len(page.IDs) {
			return 0, nil, cmp.Or(err, ErrPlace)
		}
		return n, page.IDs[:index], nil
	}
	for n = 1; ; {
		page, err := l.Read(ctx, list, n)
		if err != nil || !page.Full() {
			return n, page.IDs, err
		}
		n = max(n+1, page.End)
	}
}

// Journal is one list to which many append at once. What is appended again is listed again, at the end, so
// that Page.Updated tells when the youngest try began. Safe for concurrent use, also by several processes.
type Journal struct {
	lists Lists
	name  string
	group batch.Group[[]string]
	// last is a page that exists, or 0: where to look for the end. Only a hint.
	last atomic.Int64
}

// New opens the journal of that name; nothing is read or written yet.
func New(store state.Store, name string) *Journal {
	j := &Journal{lists: Lists{store}, name: name}
	j.group = batch.Group[[]string]{Run: j.append, Most: PerPage}
	return j
}

// Append adds ids and returns when they are durable; calls at the same time share one write.
// Errors: state.ErrUnavailable or state.ErrConflict, after which the ids may be listed all the same.
func (j *Journal) Append(ctx context.Context, ids ...string) error { return j.group.Do(ctx, ids) }

func (j *Journal) append(ctx context.Context, calls [][]string) []error {
	last := max(j.last.Load(), 1)
	e := &end{list: j.name, page: last, known: last, again: true, waiting: slices.Concat(calls...)}
	j.lists.append(ctx, []*end{e})
	j.last.Store(e.page)
	return slices.Repeat([]error{e.err}, len(calls))
}

// Read returns page n, the first being 1; a page that is not there yet is empty.
func (j *Journal) Read(ctx context.Context, n int64) (Page, error) {
	return j.lists.Read(ctx, j.name, n)
}

// All calls do with every id, in the order of their appending.
func (j *Journal) All(ctx context.Context, do func(ids []string) error) error {
	return j.lists.All(ctx, j.name, func(_ int64, ids []string) error { return do(ids) })
}
