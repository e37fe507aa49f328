package cart_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/sidecart/sidecart/services/cart/internal/cart"
	"github.com/sidecart/sidecart/services/internal/money"
)

func TestTheTotalIsTheSumOfTheLines(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		products := map[string]cart.Product{}
		var c cart.Cart
		var want int64
		for n := range rapid.IntRange(0, 10).Draw(t, "lines") {
			p := product(n)
			p.Price.Amount = rapid.Int64Range(0, 100_000_000).Draw(t, "price")
			products[p.ID] = p
			quantity := rapid.Int64Range(1, cart.MaxQuantity).Draw(t, "quantity")
			var err error
			c, err = c.Put(p, quantity, products, "a")
			require.NoError(t, err)
			want += p.Price.Amount * quantity
		}
		items, total, err := c.Price(products)
		require.NoError(t, err)
		require.Len(t, items, len(c.Lines))
		if len(items) == 0 {
			require.Nil(t, total)
			return
		}
		require.Equal(t, money.Money{Amount: want, Currency: "EUR"}, *total)
	})
}

func TestACartWhoseProductsChangedIsStillShown(t *testing.T) {
	products := catalogue(3)
	c := cart.Cart{ID: "a", Lines: []cart.Line{{ProductID: "product-0", Quantity: 2}, {ProductID: "product-1", Quantity: 1}, {ProductID: "product-2", Quantity: 1}}}

	delete(products, "product-2")
	items, total, err := c.Price(products)
	require.NoError(t, err)
	require.Len(t, items, 2)
	require.Equal(t, int64(301), total.Amount)

	dollars := product(1)
	dollars.Price.Currency = "USD"
	products["product-1"] = dollars
	items, total, err = c.Price(products)
	require.NoError(t, err)
	require.Len(t, items, 2)
	require.Nil(t, total)

	huge := product(0)
	huge.Price.Amount = math.MaxInt64
	products["product-0"] = huge
	_, _, err = c.Price(products)
	require.ErrorIs(t, err, money.ErrOverflow)
}

func TestAVersionIsAppliedOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		kept, told := product(0), product(0)
		kept.Version, told.Version = rapid.Int64Range(0, 5).Draw(t, "kept"), rapid.Int64Range(1, 5).Draw(t, "told")
		require.Equal(t, told.Version > kept.Version, told.Newer(kept))
	})
}

func TestOnlyWholeProductsAreValid(t *testing.T) {
	require.True(t, product(0).Valid())
	for _, spoil := range []func(*cart.Product){
		func(p *cart.Product) { p.ID = "" },
		func(p *cart.Product) { p.Version = 0 },
		func(p *cart.Product) { p.Name = "" },
		func(p *cart.Product) { p.Price.Amount = -1 },
		func(p *cart.Product) { p.Price.Currency = "euro" },
	} {
		p := product(0)
		spoil(&p)
		require.False(t, p.Valid())
	}
}
