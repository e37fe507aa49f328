package search

import (
	"strings"
	"unicode/utf8"

	"github.com/blevesearch/bleve/v2/search"
)

// The parts of a product's text.
const (
	name = iota
	category
	description
	parts
)

// weights of a word by the part in which it is found.
var weights = [parts]int{name: 400, category: 200, description: 100}

// Percentages of a weight by how the word is found: a word mistyped in a name counts less
// than the right one in a description.
const (
	whole    = 100
	begun    = 70
	oneTypo  = 20
	twoTypos = 10
)

// wholeName is what a name gains of which every word is asked for; others in proportion.
const wholeName = 60

// typos that a word may have: one from four letters on, two from eight.
func typos(word string) int {
	switch n := utf8.RuneCountInString(word); {
	case n >= 8:
		return 2
	case n >= 4:
		return 1
	}
	return 0
}

// score ranks a product for the words of a query. It depends on the product and the query
// alone, unlike TF-IDF or BM25, whose scores all move when any product is added: so a cursor
// that names a score stays where it was, and pages have neither gaps nor duplicates.
func score(words []string, found [parts][]string, nameWords int) int {
	sum, named := 0, 0
	for _, word := range words {
		for part, weight := range weights {
			best := 0
			for _, term := range found[part] {
				best = max(best, quality(word, term))
			}
			sum += weight * best / 100
			if part == name && best >= begun {
				named++
			}
		}
	}
	if nameWords > 0 {
		sum += wholeName * min(named, nameWords) / nameWords
	}
	return max(sum, 1)
}

// quality is how well a term of the index meets a word of the query. The index takes two
// swapped letters for one typo, the distance here for two.
func quality(word, term string) int {
	switch {
	case word == term:
		return whole
	case len(word) >= 2 && strings.HasPrefix(term, word):
		return begun
	case typos(word) == 0:
		return 0
	}
	switch search.LevenshteinDistance(word, term) {
	case 1:
		return oneTypo
	case 2:
		return twoTypos
	}
	return 0
}
