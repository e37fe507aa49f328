package search

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sidecart/sidecart/services/product/internal/catalogue"
)

func BenchmarkSearch(b *testing.B) {
	words := []string{"wireless", "headphones", "mouse", "kettle", "mug", "lamp", "desk", "chair", "steel", "oak", "red", "blue", "garden", "tent", "camping", "filter", "coffee", "tea", "grinder", "board"}
	var all []catalogue.Product
	for i := range 10_000 {
		w := func(n int) string { return words[(i*7+n*n*3+i/13*n)%len(words)] + fmt.Sprint((i*n)%97) }
		all = append(all, product(fmt.Sprint(i), words[i%20]+" "+words[i/20%20]+" "+w(2), words[i%6], w(3)+" "+w(4)+" "+w(5)+" "+words[i/7%20]))
	}
	index := newIndex(b, all...)
	for _, text := range []string{"", "wireless headphones", "headfones", "kettle 3", "mug42"} {
		b.Run(text, func(b *testing.B) {
			for b.Loop() {
				page, err := index.Page(Query{Text: text, Limit: 20})
				require.NoError(b, err)
				_ = page
			}
		})
	}
}
