package api

import (
	"fmt"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sidecart/sidecart/services/internal/problem"
	"github.com/sidecart/sidecart/services/internal/state/statetest"
	"github.com/sidecart/sidecart/services/product/internal/search"
)

func TestPagesOfTheList(t *testing.T) {
	r := start(t, statetest.NewMemory())
	for i := range 25 {
		r.create(fmt.Sprintf(`{"name":"Mug %02d","category":"%s","price":{"amount":100,"currency":"EUR"}}`, i, []string{"kitchen", "camping"}[i%2]))
	}
	require.Len(t, read[page](t, r.call("GET", "/products", ""), 200).Items, 20, "without a limit")
	for _, query := range []string{"", "&q=mug", "&category=camping", "&q=mgs&category=camping", "&q=mug+07"} {
		whole := read[page](t, r.call("GET", "/products?limit=100"+query, ""), 200)
		require.Empty(t, whole.NextCursor)
		var names, turned []string
		for _, p := range whole.Items {
			names = append(names, p.Name)
		}
		for cursor := ""; ; {
			part := read[page](t, r.call("GET", "/products?limit=4&cursor="+url.QueryEscape(cursor)+query, ""), 200)
			for _, p := range part.Items {
				turned = append(turned, p.Name)
			}
			require.LessOrEqual(t, len(turned), len(names))
			if cursor = part.NextCursor; cursor == "" {
				break
			}
		}
		require.Equal(t, names, turned)
	}
	first := read[page](t, r.call("GET", "/products?q=mug+07&limit=1", ""), 200)
	require.Equal(t, "Mug 07", first.Items[0].Name)
}

func TestNoListBeforeTheCatalogueIsRead(t *testing.T) {
	r := start(t, statetest.NewMemory())
	p := r.create(mug)
	index, err := search.New()
	require.NoError(t, err)
	r.index = index
	require.Equal(t, problem.Unavailable, read[problem.Document](t, r.call("GET", "/products", ""), 503).Code)
	require.Equal(t, p, read[product](t, r.call("GET", "/product?id="+p.ID, ""), 200), "single products come from state")
}
