package search

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/sidecart/sidecart/services/product/internal/catalogue"
)

// ErrCursor: the cursor is none that a page of this kind of list ended with.
var ErrCursor = errors.New("search: bad cursor")

// Query asks for one page.
type Query struct {
	// Text to search for; empty lists by name.
	Text string
	// Category to stay in; empty means all.
	Category string
	// Cursor is what the page before ended with; empty begins.
	Cursor string
	// Limit of products in the page, at least 1.
	Limit int
}

// Page is a part of a list. Next is the cursor of what follows, empty at the end.
type Page struct {
	Products []catalogue.Product
	Next     string
}

// cursor is the sort values of the last product of a page. It names a place, not a product:
// it holds although products come and go.
type cursor struct {
	Score int    `json:"s,omitempty"`
	Name  string `json:"n,omitempty"`
	ID    string `json:"i"`
}

func (c cursor) String() string {
	raw, _ := json.Marshal(c) // of three plain fields: cannot fail
	return base64.RawURLEncoding.EncodeToString(raw)
}

func parse(text string, searching bool) (c cursor, err error) {
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err == nil {
		err = json.Unmarshal(raw, &c)
	}
	if err != nil || c.ID == "" || (c.Score > 0) != searching || (c.Name != "") == searching {
		return c, ErrCursor
	}
	return c, nil
}

// Page answers a page. Errors: ErrCursor.
func (x *Index) Page(q Query) (Page, error) {
	searching := strings.TrimSpace(q.Text) != ""
	var after cursor
	if q.Cursor != "" {
		var err error
		if after, err = parse(q.Cursor, searching); err != nil {
			return Page{}, err
		}
	}
	if searching {
		return x.search(q, after)
	}
	return x.list(q, after), nil
}

func (x *Index) list(q Query, after cursor) Page {
	x.mu.RLock()
	defer x.mu.RUnlock()
	places := x.lists[q.Category]
	from := place{after.Name, after.ID}
	start, exact := slices.BinarySearchFunc(places, from, place.compare)
	if exact {
		start++
	}
	places = places[start:]
	page := Page{Products: []catalogue.Product{}}
	for _, p := range places[:min(q.Limit, len(places))] {
		page.Products = append(page.Products, x.products[p.id].Product)
	}
	if len(places) > q.Limit {
		last := places[q.Limit-1]
		page.Next = cursor{Name: last.name, ID: last.id}.String()
	}
	return page
}

// maxWords of a query are looked for.
const maxWords = 12

type hit struct {
	score   int
	product catalogue.Product
}

// compare orders hits: the best first, then by id.
func (h hit) compare(o hit) int {
	return cmp.Or(cmp.Compare(o.score, h.score), strings.Compare(h.product.ID, o.product.ID))
}

func (x *Index) search(q Query, after cursor) (Page, error) {
	words := x.words.tokens(q.Text)
	words = words[:min(len(words), maxWords)]
	matches, err := x.words.find(words)
	if err != nil {
		return Page{}, err
	}
	hits := make([]hit, 0, len(matches))
	for _, m := range matches {
		e, ok := x.get(m.id)
		if ok && !e.Retired && (q.Category == "" || q.Category == e.Category) {
			hits = append(hits, hit{score(words, m.found, e.nameWords), e.Product})
		}
	}
	slices.SortFunc(hits, hit.compare)
	if q.Cursor != "" {
		last := hit{after.Score, catalogue.Product{ID: after.ID}}
		hits = slices.DeleteFunc(hits, func(h hit) bool { return h.compare(last) <= 0 })
	}
	page := Page{Products: []catalogue.Product{}}
	for _, h := range hits[:min(q.Limit, len(hits))] {
		page.Products = append(page.Products, h.product)
	}
	if len(hits) > q.Limit {
		last := hits[q.Limit-1]
		page.Next = cursor{Score: last.score, ID: last.product.ID}.String()
	}
	return page, nil
}
