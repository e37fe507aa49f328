package journal_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/sidecart/sidecart/services/internal/journal"
	"github.com/sidecart/sidecart/services/internal/state"
	"github.com/sidecart/sidecart/services/internal/state/statetest"
)

// document is what is listed: it records its place.
type document struct {
	ID     string
	Listed journal.Place
}

func key(id string) string           { return "document-" + id }
func place(d document) journal.Place { return d.Listed }

// keep writes the document of an id that has got a place, unless there is one.
func keep(t require.TestingT, docs state.Store, id string, at journal.Place) {
	_, err := state.Update(context.Background(), docs, key(id), func(d *document, exists bool) (bool, error) {
		if !exists {
			*d = document{id, at}
		}
		return !exists, nil
	})
	require.NoError(t, err)
}

// newest reads a list from its end, step documents at a time, and answers the ids.
func newest(t require.TestingT, docs state.Store, list string, step int) (ids []string) {
	for before := journal.Place(""); ; {
		page, next, err := journal.Newest(context.Background(), journal.Lists{Store: docs}, list, before, step, key, place)
		require.NoError(t, err)
		for _, d := range page {
			ids = append(ids, d.ID)
		}
		if next == "" {
			require.LessOrEqual(t, len(page), step)
			return ids
		}
		require.Len(t, page, step)
		before = next
	}
}

// requireRest requires that a list shows each document that counts in it once, the newest first, and nothing else.
func requireRest(t require.TestingT, docs state.Store, list string, kept map[string]journal.Place, step int) {
	var want []string
	require.NoError(t, journal.Lists{Store: docs}.All(context.Background(), list, func(n int64, ids []string) error {
		require.LessOrEqual(t, len(ids), journal.PerPage)
		for i, id := range ids {
			if kept[id] == journal.At(n, i) {
				want = append([]string{id}, want...)
			}
		}
		return nil
	}))
	require.Len(t, want, len(kept))
	require.Equal(t, want, newest(t, docs, list, step))
}

// Whatever is appended, to whichever lists and while any write fails, is listed at the place
// that was answered, and shows once.
func TestLists(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		docs := statetest.NewMemory()
		lists := journal.Lists{Store: docs}
		failing := rapid.IntRange(0, 3).Draw(t, "one write in this many fails, 0 none")
		writes := 0
		docs.Fault = func(key string, applied bool) error {
			if strings.Contains(key, "-page-") {
				if writes++; failing > 0 && writes%(failing+2) == 0 {
					return errors.New("injected")
				}
			}
			return nil
		}
		kept := map[string]map[string]journal.Place{"a": {}, "b": {}}
		for n := range rapid.IntRange(1, 8).Draw(t, "batches") {
			var additions []journal.Addition
			batch := rapid.IntRange(0, n).Draw(t, "this batch or one again")
			for i := range rapid.IntRange(1, 250).Draw(t, "size") {
				additions = append(additions, journal.Addition{List: []string{"a", "a", "b"}[i%3], ID: fmt.Sprintf("%d-%d", batch, i)})
			}
			places, errs := lists.Append(context.Background(), additions)
			for i, a := range additions {
				if errs[i] != nil {
					require.ErrorIs(t, errs[i], state.ErrUnavailable)
				} else if _, known := kept[a.List][a.ID]; !known {
					kept[a.List][a.ID] = places[i]
					keep(t, docs, a.ID, places[i])
				}
			}
		}
		for list, of := range kept {
			requireRest(t, docs, list, of, rapid.IntRange(1, 250).Draw(t, "step"))
		}
	})
}

func TestListsOfConcurrentWriters(t *testing.T) {
	docs := statetest.NewMemory()
	const writers, each = 4, 60
	lists := []string{"one", "two"}
	var wg sync.WaitGroup
	errs := make([]error, writers)
	kept := make([][2]map[string]journal.Place, writers)
	for w := range writers {
		kept[w] = [2]map[string]journal.Place{{}, {}}
		wg.Go(func() {
			for i := range each {
				id := fmt.Sprintf("%d-%d", w, i)
				places, err := journal.Lists{Store: docs}.Append(context.Background(), []journal.Addition{{List: "one", ID: id}, {List: "two", ID: id + "-too"}})
				errs[w] = errors.Join(append(err, errs[w])...)
				kept[w][0][id], kept[w][1][id+"-too"] = places[0], places[1]
			}
		})
	}
	wg.Wait()
	require.NoError(t, errors.Join(errs...))
	for l, list := range lists {
		all := map[string]journal.Place{}
		for w := range writers {
			for id, at := range kept[w][l] {
				all[id] = at
				keep(t, docs, id, at)
			}
		}
		requireRest(t, docs, list, all, 7)
	}
}

// fill fills the pages from one to another, in one call each.
func fill(t *testing.T, docs state.Store, list string, from, to int64) {
	for n := from; n <= to; n++ {
		var additions []journal.Addition
		for i := range journal.PerPage {
			additions = append(additions, journal.Addition{List: list, ID: fmt.Sprintf("%d-%d", n, i)})
		}
		places, errs := journal.Lists{Store: docs}.Append(t.Context(), additions)
		require.NoError(t, errors.Join(errs...))
		for i, a := range additions {
			require.Equal(t, journal.At(n, i), places[i])
			keep(t, docs, a.ID, places[i])
		}
	}
}

// The end is found by a hint: a long list costs no more calls than a short one, and a hint
// that a crash left behind costs one more.
func TestTheEndIsFoundAtOnce(t *testing.T) {
	docs := statetest.NewMemory()
	fill(t, docs, "list", 1, 29)
	docs.Fault = func(key string, applied bool) error {
		if key == "list-page-1" {
			return errors.New("the hint is lost")
		}
		return nil
	}
	fill(t, docs, "list", 30, 30)
	docs.Fault = nil
	calls := &statetest.Calls{Store: docs}
	page, _, err := journal.Newest(t.Context(), journal.Lists{Store: calls}, "list", "", 2, key, place)
	require.NoError(t, err)
	require.Equal(t, []document{{"30-199", journal.At(30, 199)}, {"30-198", journal.At(30, 198)}}, page)
	require.LessOrEqual(t, calls.N, 7)
	calls.N = 0
	_, errs := journal.Lists{Store: calls}.Append(t.Context(), []journal.Addition{{List: "list", ID: "last"}})
	require.NoError(t, errors.Join(errs...))
	require.LessOrEqual(t, calls.N, 7)
}

// Ids for a hundred lists cost as many calls as an id for one.
func TestOneReadAndOneWriteForManyLists(t *testing.T) {
	calls := &statetest.Calls{Store: statetest.NewMemory()}
	var additions []journal.Addition
	for i := range 100 {
		additions = append(additions, journal.Addition{List: fmt.Sprint(i), ID: "a"}, journal.Addition{List: fmt.Sprint(i), ID: "b"})
	}
	places, errs := journal.Lists{Store: calls}.Append(t.Context(), additions)
	require.NoError(t, errors.Join(errs...))
	require.Equal(t, journal.At(1, 1), places[199])
	require.Equal(t, 2, calls.N)
}

func TestPlacesThatAreNot(t *testing.T) {
	lists := journal.Lists{Store: statetest.NewMemory()}
	_, errs := lists.Append(t.Context(), []journal.Addition{{List: "list", ID: "a"}})
	require.NoError(t, errs[0])
	for _, at := range []journal.Place{
		"1.1", "1.-1", "2.0", "0.1", "0.0", "-1.0", "1152921504606846976.0", "9999999999999999999999.0",
		"1", "1.", ".0", "1.0 ", " 1.0", "01.0", "1.0x", "1.0.0", "a.b", "!",
	} {
		_, _, err := journal.Newest(t.Context(), lists, "list", at, 1, key, place)
		require.ErrorIs(t, err, journal.ErrPlace, at)
	}
}

// An id that is appended again and again, because what follows fails, is listed once.
func TestAppendingAgain(t *testing.T) {
	docs := statetest.NewMemory()
	for range 3 {
		places, errs := journal.Lists{Store: docs}.Append(t.Context(), []journal.Addition{{List: "list", ID: "a"}, {List: "list", ID: "b"}, {List: "list", ID: "a"}})
		require.NoError(t, errors.Join(errs...))
		require.Equal(t, []journal.Place{journal.At(1, 0), journal.At(1, 1), journal.At(1, 0)}, places)
	}
	page, err := journal.Lists{Store: docs}.Read(t.Context(), "list", 1)
	require.NoError(t, err)
	require.Equal(t, []string{"a", "b"}, page.IDs)
}
