package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/sidecart/sidecart/services/internal/state"
)

// everything reads a list forwards and backwards and requires both to agree.
func everything(t require.TestingT, l Lists, name string, step int) []Listed {
	var forward, backward []Listed
	for n := int64(1); ; n++ {
		page, err := l.page(context.Background(), name, n)
		require.NoError(t, err)
		for i, id := range page.IDs {
			forward = append(forward, Listed{id, Place{n, i}})
		}
		if !page.full() {
			break
		}
	}
	for before := (Place{}); ; before = backward[len(backward)-1].Place {
		older, err := l.Older(context.Background(), name, before, step)
		require.NoError(t, err)
		backward = append(backward, older...)
		if len(older) < step {
			break
		}
	}
	slices.Reverse(backward)
	require.Equal(t, forward, backward)
	return forward
}

// Whatever is appended, to whichever lists and while any write fails, is listed at the place
// that was answered, and nothing else is.
func TestLists(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		docs := state.NewMemory()
		l := Lists{docs}
		failing := rapid.IntRange(0, 3).Draw(t, "one write in this many fails, 0 none")
		writes := 0
		docs.Fault = func(key string, applied bool) error {
			if key == "" {
				return nil
			}
			if writes++; failing > 0 && writes%(failing+2) == 0 {
				return errors.New("injected")
			}
			return nil
		}
		places := map[string]map[Place]string{}
		for n := range rapid.IntRange(1, 8).Draw(t, "batches") {
			var additions []Addition
			batch := rapid.IntRange(0, n).Draw(t, "this batch or one again")
			for i := range rapid.IntRange(1, 250).Draw(t, "size") {
				additions = append(additions, Addition{[]string{"a", "a", "b"}[i%3], fmt.Sprintf("%d-%d", batch, i)})
			}
			found, errs := l.Append(context.Background(), additions)
			for i, a := range additions {
				if errs[i] != nil {
					require.ErrorIs(t, errs[i], state.ErrUnavailable)
					continue
				}
				if places[a.List] == nil {
					places[a.List] = map[Place]string{}
				}
				if id, taken := places[a.List][found[i]]; taken {
					require.Equal(t, id, a.ID)
				}
				places[a.List][found[i]] = a.ID
			}
		}
		docs.Fault = nil
		for list, at := range places {
			for _, listed := range everything(t, l, list, rapid.IntRange(1, 250).Draw(t, "step")) {
				if id, known := at[listed.Place]; known {
					require.Equal(t, id, listed.ID)
					delete(at, listed.Place)
				}
			}
			require.Empty(t, at)
		}
	})
}

func TestListsOfConcurrentWriters(t *testing.T) {
	docs := state.NewMemory()
	const writers, each = 4, 30
	var wg sync.WaitGroup
	errs := make([]error, writers)
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				_, err := Lists{docs}.Append(context.Background(), []Addition{{"one", fmt.Sprintf("%d-%d", w, i)}, {"two", fmt.Sprintf("%d-%d", w, i)}})
				errs[w] = errors.Join(append(err, errs[w])...)
			}
		})
	}
	wg.Wait()
	require.NoError(t, errors.Join(errs...))
	for _, name := range []string{"one", "two"} {
		ids := map[string]bool{}
		for _, listed := range everything(t, Lists{docs}, name, 7) {
			ids[listed.ID] = true
		}
		require.Len(t, ids, writers*each)
	}
}

// The end is found by a hint: a long list costs no more reads than a short one, and a hint
// that a crash left behind costs one more.
func TestTheEndIsFoundAtOnce(t *testing.T) {
	docs := state.NewMemory()
	l := Lists{docs}
	const pages = 30
	for n := range pages {
		if n == pages-1 {
			docs.Fault = func(key string, applied bool) error {
				if strings.HasSuffix(key, "-page-1") {
					return errors.New("the hint is lost")
				}
				return nil
			}
		}
		var additions []Addition
		for i := range perPage {
			additions = append(additions, Addition{"list", fmt.Sprintf("%d-%d", n, i)})
		}
		_, errs := l.Append(t.Context(), additions)
		require.NoError(t, errors.Join(errs...))
	}
	reads := 0
	docs.Fault = func(key string, applied bool) error {
		if key == "" {
			reads++
		}
		return nil
	}
	newest, err := l.Older(t.Context(), "list", Place{}, 2)
	require.NoError(t, err)
	require.Equal(t, []Listed{{"29-199", Place{30, 199}}, {"29-198", Place{30, 198}}}, newest)
	require.LessOrEqual(t, reads, 5)
	reads = 0
	_, errs := l.Append(t.Context(), []Addition{{"list", "last"}})
	require.NoError(t, errors.Join(errs...))
	require.LessOrEqual(t, reads, 5)
}

func TestPlacesThatAreNot(t *testing.T) {
	l := Lists{state.NewMemory()}
	_, errs := l.Append(t.Context(), []Addition{{"list", "a"}})
	require.NoError(t, errs[0])
	for _, place := range []Place{{1, 1}, {1, -1}, {2, 0}, {0, 1}, {-1, 0}, {1 << 60, 0}} {
		_, err := l.Older(t.Context(), "list", place, 1)
		require.ErrorIs(t, err, ErrPlace, "%v", place)
	}
}

// An id that is appended again and again, because what follows fails, is listed once.
func TestAppendingAgain(t *testing.T) {
	l := Lists{state.NewMemory()}
	for range 3 {
		places, errs := l.Append(t.Context(), []Addition{{"list", "a"}, {"list", "b"}, {"list", "a"}})
		require.NoError(t, errors.Join(errs...))
		require.Equal(t, []Place{{1, 0}, {1, 1}, {1, 0}}, places)
	}
	require.Equal(t, []Listed{{"a", Place{1, 0}}, {"b", Place{1, 1}}}, everything(t, l, "list", 9))
}
