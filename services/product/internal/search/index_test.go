package search

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/sidecart/sidecart/services/product/internal/catalogue"
)

func newIndex(t require.TestingT, products ...catalogue.Product) *Index {
	index, err := New()
	require.NoError(t, err)
	require.NoError(t, index.Apply(products))
	return index
}

func product(id, title, section, words string) catalogue.Product {
	return catalogue.Product{ID: id, Name: title, Category: section, Description: words, Version: 1}
}

func ids(products []catalogue.Product) []string {
	ids := []string{}
	for _, p := range products {
		ids = append(ids, p.ID)
	}
	return ids
}

func find(t require.TestingT, index *Index, text string) []string {
	page, err := index.Page(Query{Text: text, Limit: 100})
	require.NoError(t, err)
	return ids(page.Products)
}

func shop(t require.TestingT) *Index {
	return newIndex(t,
		product("headphones", "Wireless headphones", "audio", "Closed, thirty hours, with a carrying case."),
		product("earbuds", "Earbuds", "audio", "Small wireless headphones for sport."),
		product("stand", "Oak stand", "home-office", "Holds headphones or a tablet."),
		product("mouse", "Silent mouse", "home-office", "Wireless, for both hands."),
		product("kettle", "Gooseneck kettle", "kitchen", "Pours slowly, for filter coffee."),
		product("press", "Cafetière", "kitchen", "French press of glass for eight cups of coffee."),
		product("mug", "Mug", "kitchen", "Enamel."),
		product("tree", "Mug tree", "kitchen", "Beech, for six cups."),
	)
}

func TestRanking(t *testing.T) {
	index := shop(t)
	for text, want := range map[string][]string{
		"headphones":               {"headphones", "earbuds", "stand"}, // a name counts more than a description
		"mug":                      {"mug", "tree"},                    // the whole name more than a part
		"mugs":                     {"mug", "tree"},
		"WIRELESS Headphones":      {"headphones", "earbuds"}, // both words
		"kitchen":                  {"kettle", "mug", "press", "tree"},
		"cafetiere":                {"press"}, // no accents
		"headphones for the sport": {"earbuds"},
		"head":                     {"headphones", "earbuds", "stand"}, // as you type
		"he":                       {"headphones", "earbuds", "stand"},
		"the":                      {},
		"!?":                       {},
		"umbrella":                 {},
	} {
		t.Run(text, func(t *testing.T) { require.Equal(t, want, find(t, index, text)) })
	}
}

func TestTypos(t *testing.T) {
	index := shop(t)
	for text, want := range map[string]string{
		"moose":         "mouse",      // one letter, five
		"muose":         "mouse",      // swapped
		"mous":          "mouse",      // as you type
		"kettel":        "kettle",     // swapped
		"ketle":         "kettle",     // left out
		"headfones":     "headphones", // two, nine letters
		"wirless":       "headphones", // left out
		"hedaphones":    "headphones", // swapped
		"ireles":        "",           // two, six letters
		"mog":           "",           // one, three letters
		"gosseneck":     "kettle",
		"cafettiere":    "press",
		"wirelss mosue": "mouse",
	} {
		t.Run(text, func(t *testing.T) {
			found := find(t, index, text)
			if want == "" {
				require.Empty(t, found)
				return
			}
			require.NotEmpty(t, found)
			require.Equal(t, want, found[0])
		})
	}
	require.Less(t, score([]string{"mouse"}, [parts][]string{name: {"moose"}}, 1),
		score([]string{"mouse"}, [parts][]string{description: {"mouse"}}, 1), "a right word anywhere is better than a wrong one")
}

func TestOddWords(t *testing.T) {
	index := shop(t)
	for _, text := range []string{"a", strings.Repeat("a", 200), strings.Repeat("ab ", 66), "\x00", "日本語", "name:mug", "mug*", `"`, "mug~9", "../mug"} {
		page, err := index.Page(Query{Text: text, Limit: 10})
		require.NoError(t, err, "%q", text)
		require.NotNil(t, page.Products)
	}
}

func TestRetiredAreNeitherListedNorFound(t *testing.T) {
	index := shop(t)
	mug := product("mug", "Mug", "kitchen", "Enamel.")
	mug.Version, mug.Retired = 2, true
	require.NoError(t, index.Apply([]catalogue.Product{mug}))
	require.Equal(t, []string{"tree"}, find(t, index, "mug"))
	page, err := index.Page(Query{Category: "kitchen", Limit: 10})
	require.NoError(t, err)
	require.Equal(t, []string{"press", "kettle", "tree"}, ids(page.Products))

	require.NoError(t, index.Apply([]catalogue.Product{product("mug", "Mug", "kitchen", "Enamel.")}))
	require.Equal(t, []string{"tree"}, find(t, index, "mug"), "an older version does not bring it back")

	mug.Version, mug.Retired = 3, false
	require.NoError(t, index.Apply([]catalogue.Product{mug}))
	require.Equal(t, []string{"mug", "tree"}, find(t, index, "mug"))
}

func TestARenamedProductIsFoundByItsNewNameOnly(t *testing.T) {
	index := shop(t)
	renamed := product("mouse", "Vertical trackball", "audio", "")
	renamed.Version = 2
	require.NoError(t, index.Apply([]catalogue.Product{renamed}))
	require.Empty(t, find(t, index, "mouse"))
	require.Equal(t, []string{"mouse"}, find(t, index, "trackball"))
	page, err := index.Page(Query{Category: "home-office", Limit: 10})
	require.NoError(t, err)
	require.Equal(t, []string{"stand"}, ids(page.Products))
}

func TestAnIndexFedInAnyOrderIsTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		versions := rapid.SliceOfN(generated(20), 1, 60).Draw(t, "versions")
		for i := range versions { // a version is written once
			versions[i].Version = int64(i + 1)
		}
		inOrder := newIndex(t)
		for _, p := range versions {
			require.NoError(t, inOrder.Apply([]catalogue.Product{p}))
		}
		shuffled := rapid.Permutation(append(versions, versions[:len(versions)/2]...)).Draw(t, "order")
		fed := newIndex(t)
		for len(shuffled) > 0 {
			n := rapid.IntRange(1, len(shuffled)).Draw(t, "together")
			require.NoError(t, fed.Apply(shuffled[:n]))
			shuffled = shuffled[n:]
		}
		for _, q := range []Query{{Limit: 100}, {Limit: 100, Category: "kitchen"}, {Limit: 100, Text: "mug"}, {Limit: 100, Text: "red", Category: "audio"}} {
			want, err := inOrder.Page(q)
			require.NoError(t, err)
			have, err := fed.Page(q)
			require.NoError(t, err)
			require.Equal(t, want, have)
		}
	})
}

// generated draws products of few words, so that many of them share a name and a rank.
func generated(most int) *rapid.Generator[catalogue.Product] {
	word := rapid.SampledFrom([]string{"mug", "mugs", "red", "reed", "kettle", "Kettel", "lamp", "headphones", "headfone"})
	return rapid.Custom(func(t *rapid.T) catalogue.Product {
		p := product(fmt.Sprintf("id-%02d", rapid.IntRange(1, most).Draw(t, "id")),
			strings.Join(rapid.SliceOfN(word, 1, 3).Draw(t, "name"), " "),
			rapid.SampledFrom([]string{"kitchen", "audio"}).Draw(t, "category"),
			strings.Join(rapid.SliceOfN(word, 0, 4).Draw(t, "description"), " "))
		p.Retired = rapid.IntRange(0, 4).Draw(t, "retired") == 0
		return p
	})
}

func TestTheIndexIsBuiltAnewBeforeItIsInTooManyPieces(t *testing.T) {
	index := newIndex(t)
	for i := range 2*rebuildAfter + 10 {
		require.NoError(t, index.Apply([]catalogue.Product{product(fmt.Sprint(i), fmt.Sprintf("Mug %d", i), "kitchen", "")}))
	}
	require.Less(t, index.words.writes, rebuildAfter)
	all, err := index.Page(Query{Text: "mug", Limit: 10_000})
	require.NoError(t, err)
	require.Len(t, all.Products, 2*rebuildAfter+10)
}
