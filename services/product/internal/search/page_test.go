package search

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/sidecart/sidecart/services/product/internal/catalogue"
)

// pages walks a list to its end; between is done before each page but the first.
func pages(t require.TestingT, index *Index, q Query, between func()) []string {
	var all []string
	for turn := 0; ; turn++ {
		if turn > 0 {
			between()
		}
		page, err := index.Page(q)
		require.NoError(t, err)
		require.Less(t, turn, 500, "the list never ends")
		require.LessOrEqual(t, len(page.Products), q.Limit)
		all = append(all, ids(page.Products)...)
		if page.Next == "" {
			return all
		}
		require.Len(t, page.Products, q.Limit, "only the last page is short")
		q.Cursor = page.Next
	}
}

func queries() *rapid.Generator[Query] {
	return rapid.Custom(func(t *rapid.T) Query {
		return Query{
			Text:     rapid.SampledFrom([]string{"", "mug", "red kettle", "headphone", "r", "re", "lamp mug red"}).Draw(t, "text"),
			Category: rapid.SampledFrom([]string{"", "kitchen", "audio"}).Draw(t, "category"),
			Limit:    rapid.IntRange(1, 7).Draw(t, "limit"),
		}
	})
}

func TestPagesMakeTheWhole(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		index := newIndex(t, rapid.SliceOfN(generated(40), 0, 60).Draw(t, "products")...)
		q := queries().Draw(t, "query")
		whole := q
		whole.Limit = 100
		all, err := index.Page(whole)
		require.NoError(t, err)
		require.ElementsMatch(t, ids(all.Products), pages(t, index, q, func() {}))
	})
}

// While somebody turns the pages, products are added and others retired: whoever was there
// from the beginning to the end is seen exactly once, in order, and nobody is seen twice.
func TestPagesHoldWhileTheCatalogueChanges(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		index := newIndex(t, rapid.SliceOfN(generated(40), 0, 60).Draw(t, "products")...)
		q := queries().Draw(t, "query")
		whole := q
		whole.Limit = 1000
		before, err := index.Page(whole)
		require.NoError(t, err)
		retired := map[string]bool{}
		n := 0
		seen := pages(t, index, q, func() {
			fresh := generated(40).Draw(t, "added")
			if n++; n > 50 {
				return // the list must end some time
			}
			fresh.ID = fmt.Sprintf("id-%02d-%d", rapid.IntRange(0, 41).Draw(t, "where"), n)
			changes := []catalogue.Product{fresh}
			if len(before.Products) > 0 && rapid.Bool().Draw(t, "retire one") {
				gone := rapid.SampledFrom(before.Products).Draw(t, "gone")
				gone.Version, gone.Retired = gone.Version+1, true
				retired[gone.ID] = true
				changes = append(changes, gone)
			}
			require.NoError(t, index.Apply(changes))
		})
		times := map[string]int{}
		for _, id := range seen {
			times[id]++
			require.Equal(t, 1, times[id], "%s is on two pages", id)
		}
		var stayed, order []string
		was := map[string]bool{}
		for _, p := range before.Products {
			if was[p.ID] = !retired[p.ID]; was[p.ID] {
				stayed = append(stayed, p.ID)
			}
		}
		for _, id := range seen {
			if was[id] {
				order = append(order, id)
			}
		}
		require.Equal(t, stayed, order)
	})
}

func TestListIsInOrderOfNames(t *testing.T) {
	index := newIndex(t, product("2", "apple", "food", ""), product("1", "Apple", "food", ""), product("3", "Banana", "food", ""), product("4", "anvil", "tools", ""))
	page, err := index.Page(Query{Limit: 10})
	require.NoError(t, err)
	require.Equal(t, []string{"4", "1", "2", "3"}, ids(page.Products))
	require.Empty(t, page.Next)
	page, err = index.Page(Query{Limit: 10, Category: "unheard-of"})
	require.NoError(t, err)
	require.Empty(t, page.Products)
}

func TestBadCursors(t *testing.T) {
	index := shop(t)
	list, err := index.Page(Query{Limit: 1})
	require.NoError(t, err)
	found, err := index.Page(Query{Limit: 1, Text: "headphones"})
	require.NoError(t, err)
	for _, q := range []Query{
		{Cursor: "!"}, {Cursor: "e30"}, {Cursor: "bnVsbA"}, {Cursor: list.Next + "x"}, {Cursor: found.Next},
		{Text: "mug", Cursor: list.Next}, {Text: "mug", Cursor: "eyJzIjotMSwiaSI6IngifQ"},
	} {
		q.Limit = 1
		_, err := index.Page(q)
		require.ErrorIs(t, err, ErrCursor, "%+v", q)
	}
}
