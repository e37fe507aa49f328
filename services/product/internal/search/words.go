package search

import (
	"fmt"
	"sync"

	"github.com/blevesearch/bleve/v2"
	"github.com/blevesearch/bleve/v2/analysis"
	"github.com/blevesearch/bleve/v2/analysis/analyzer/custom"
	"github.com/blevesearch/bleve/v2/analysis/char/asciifolding"
	"github.com/blevesearch/bleve/v2/analysis/lang/en"
	"github.com/blevesearch/bleve/v2/analysis/token/lowercase"
	"github.com/blevesearch/bleve/v2/analysis/tokenizer/unicode"
	"github.com/blevesearch/bleve/v2/index/scorch"
	"github.com/blevesearch/bleve/v2/mapping"
	"github.com/blevesearch/bleve/v2/search/query"

	"github.com/sidecart/sidecart/services/product/internal/catalogue"
)

// words finds products by the words in them, with a bleve index in memory.
type words struct {
	mapping mapping.IndexMapping
	// folded is how texts are read; plain leaves the words in that say nothing.
	folded, plain analysis.Analyzer
	// writes since the index was built; only the writer touches it.
	writes int

	// mu keeps the index open while it is searched; writing to it needs no lock.
	mu    sync.RWMutex
	index bleve.Index
}

// text is what of a product is searched, in the order of parts. It is one field of the index,
// whose array positions tell the parts apart: to look for typos costs per field.
type text struct {
	Text [parts]string `json:"text"`
}

const textField = "text"

// The analyzers fold case and accents. No stemming, because half a typed word would not meet
// a stem; prefixes and typos cover the plural.
const (
	folded = "folded"
	plain  = "plain"
)

func newWords() (*words, error) {
	m := bleve.NewIndexMapping()
	for name, filters := range map[string][]string{folded: {lowercase.Name, en.StopName}, plain: {lowercase.Name}} {
		err := m.AddCustomAnalyzer(name, map[string]any{
			"type": custom.Name, "char_filters": []string{asciifolding.Name}, "tokenizer": unicode.Name, "token_filters": filters,
		})
		if err != nil {
			return nil, fmt.Errorf("search: %w", err)
		}
	}
	field := bleve.NewTextFieldMapping()
	field.Analyzer, field.Store, field.IncludeInAll, field.DocValues = folded, false, false, false
	product := bleve.NewDocumentStaticMapping()
	product.AddFieldMappingsAt(textField, field)
	m.DefaultMapping = product
	w := &words{mapping: m, folded: m.AnalyzerNamed(folded), plain: m.AnalyzerNamed(plain)}
	index, err := w.build(nil)
	w.index = index
	return w, err
}

// perBatch bounds the memory of one write.
const perBatch = 1000

func (w *words) build(products []catalogue.Product) (bleve.Index, error) {
	index, err := bleve.NewUsing("", w.mapping, scorch.Name, scorch.Name, nil)
	if err == nil {
		err = write(index, products)
	}
	if err != nil {
		return nil, fmt.Errorf("search: %w", err)
	}
	return index, nil
}

func write(index bleve.Index, products []catalogue.Product) error {
	for len(products) > 0 {
		n := min(len(products), perBatch)
		batch := index.NewBatch()
		for _, p := range products[:n] {
			if p.Retired {
				batch.Delete(p.ID)
			} else if err := batch.Index(p.ID, text{[parts]string{name: p.Name, category: p.Category, description: p.Description}}); err != nil {
				return err
			}
		}
		if err := index.Batch(batch); err != nil {
			return err
		}
		products = products[n:]
	}
	return nil
}

// rebuildAfter bounds the segments of the index: in memory each write adds one and nothing
// merges them, so after so many the index is built anew. A tenth of the products at least, so
// that loading a catalogue one by one does not build it over and over.
const rebuildAfter = 200

// write takes products in, retired ones out. current is every product that could be found so far.
func (w *words) write(products []catalogue.Product, current func() []catalogue.Product) error {
	if len(products) == 0 {
		return nil
	}
	if err := write(w.index, products); err != nil {
		return fmt.Errorf("search: %w", err)
	}
	if w.writes++; w.writes < rebuildAfter {
		return nil
	}
	all := current()
	if w.writes < len(all)/10 {
		return nil
	}
	fresh, err := w.build(all)
	if err == nil {
		err = write(fresh, products)
	}
	if err != nil {
		return fmt.Errorf("search: %w", err)
	}
	w.mu.Lock()
	w.index, fresh, w.writes = fresh, w.index, 0
	w.mu.Unlock()
	return fresh.Close()
}

// tokens are the words of a text. Those that say nothing count when there are no others: a
// lone "he" may be the beginning of headphones.
func (w *words) tokens(text string) []string {
	stream := w.folded.Analyze([]byte(text))
	if len(stream) == 0 {
		stream = w.plain.Analyze([]byte(text))
	}
	tokens := make([]string, len(stream))
	for i, token := range stream {
		tokens[i] = string(token.Term)
	}
	return tokens
}

func (w *words) count(text string) int { return len(w.tokens(text)) }

// match is a product with the words of it that were looked for.
type match struct {
	id    string
	found [parts][]string
}

// find answers every product that has most of the words: all of one or two, else two thirds.
func (w *words) find(words []string) ([]match, error) {
	w.mu.RLock()
	defer w.mu.RUnlock()
	total, err := w.index.DocCount()
	if err != nil || total == 0 || len(words) == 0 {
		return nil, err
	}
	each := make([]query.Query, len(words))
	for i, word := range words {
		each[i] = anywhere(word)
	}
	all := bleve.NewDisjunctionQuery(each...)
	all.SetMin(float64(len(words) - len(words)/3))
	req := bleve.NewSearchRequestOptions(all, int(total), 0, false)
	req.Score = "none"
	req.IncludeLocations = true
	res, err := w.index.Search(req)
	if err != nil {
		return nil, fmt.Errorf("search: %w", err)
	}
	matches := make([]match, len(res.Hits))
	for i, hit := range res.Hits {
		matches[i].id = hit.ID
		for term, places := range hit.Locations[textField] {
			var in [parts]bool
			for _, place := range places {
				in[place.ArrayPositions[0]] = true
			}
			for part, ok := range in {
				if ok {
					matches[i].found[part] = append(matches[i].found[part], term)
				}
			}
		}
	}
	return matches, nil
}

// anywhere looks for a word whole, begun, or mistyped. Mistyped words are looked for even if
// the whole one is found somewhere: what is found for a query must not depend on other
// products, or a product that is added would move the pages of the others.
func anywhere(word string) query.Query {
	if len(word) < 2 {
		whole := bleve.NewTermQuery(word)
		whole.SetField(textField)
		return whole
	}
	begun := bleve.NewPrefixQuery(word)
	begun.SetField(textField)
	n := typos(word)
	if n == 0 {
		return begun
	}
	mistyped := bleve.NewFuzzyQuery(word)
	mistyped.SetField(textField)
	mistyped.SetFuzziness(n)
	return bleve.NewDisjunctionQuery(begun, mistyped)
}
