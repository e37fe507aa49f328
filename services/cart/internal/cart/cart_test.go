package cart_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/sidecart/sidecart/services/cart/internal/cart"
	"github.com/sidecart/sidecart/services/internal/money"
)

func product(n int) cart.Product {
	return cart.Product{ID: fmt.Sprintf("product-%d", n), Version: 1, Name: fmt.Sprint(n), Price: money.Money{Amount: int64(100 + n), Currency: "EUR"}}
}

func catalogue(n int) map[string]cart.Product {
	products := map[string]cart.Product{}
	for i := range n {
		products[product(i).ID] = product(i)
	}
	return products
}

func quantities(c cart.Cart) map[string]int64 {
	held := map[string]int64{}
	for _, l := range c.Lines {
		held[l.ProductID] += l.Quantity
	}
	return held
}

// Whatever is done to a cart, in any order and with confirmations of orders old and new, it
// holds what a plain map would, and its id changes exactly when it is emptied or ordered.
func TestACartIsWhatWasPutInLessWhatWasOrdered(t *testing.T) {
	products := catalogue(5)
	rapid.Check(t, func(t *rapid.T) {
		var c cart.Cart
		model := map[string]int64{}
		ordered := []cart.Cart{{ID: "never"}}
		for step := range rapid.IntRange(1, 40).Draw(t, "steps") {
			before, fresh := c, fmt.Sprintf("cart-%d", step)
			one := product(rapid.IntRange(0, 4).Draw(t, "product"))
			newID, changed := false, true
			switch rapid.SampledFrom([]string{"put", "put", "put", "remove", "clear", "order", "confirm"}).Draw(t, "op") {
			case "put":
				n := rapid.Int64Range(1, cart.MaxQuantity).Draw(t, "quantity")
				after, err := c.Put(one, n, products, fresh)
				require.NoError(t, err)
				c, newID, model[one.ID] = after, before.ID == "", n
			case "remove":
				_, held := model[one.ID]
				c, changed = c.Remove(one.ID, fresh)
				require.Equal(t, held, changed)
				delete(model, one.ID)
				newID = changed && len(model) == 0
			case "clear":
				c, changed = c.Clear(fresh)
				require.Equal(t, len(model) > 0, changed)
				clear(model)
				newID = changed
			case "order":
				if len(c.Lines) > 0 {
					ordered = append(ordered, c)
				}
				changed = false
			case "confirm":
				// Deliveries come late, again and in any order.
				order := rapid.SampledFrom(ordered).Draw(t, "which")
				current := order.ID == c.ID
				c, changed = c.Ordered(order.ID, order.Lines, fresh)
				require.Equal(t, current, changed)
				newID = changed
				for id, n := range quantities(order) {
					if !current {
						continue
					}
					if model[id] -= n; model[id] <= 0 {
						delete(model, id)
					}
				}
			}
			require.Equal(t, model, quantities(c))
			require.Len(t, c.Lines, len(model), "one line per product")
			if newID {
				require.Equal(t, fresh, c.ID)
			} else {
				require.Equal(t, before.ID, c.ID)
			}
			if !changed {
				require.Equal(t, before, c)
			} else {
				require.Equal(t, before.Version+1, c.Version)
			}
		}
	})
}

func TestWhatWasAddedAfterTheOrderStays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		first := rapid.Int64Range(1, cart.MaxQuantity).Draw(t, "ordered")
		later := rapid.Int64Range(1, cart.MaxQuantity).Draw(t, "later")
		c, err := cart.Cart{}.Put(product(0), first, catalogue(2), "a")
		require.NoError(t, err)
		order := c
		c, err = c.Put(product(0), later, catalogue(2), "b")
		require.NoError(t, err)
		c, err = c.Put(product(1), 1, catalogue(2), "b")
		require.NoError(t, err)
		c, changed := c.Ordered(order.ID, order.Lines, "c")
		require.True(t, changed)
		want := map[string]int64{product(1).ID: 1}
		if later > first {
			want[product(0).ID] = later - first
		}
		require.Equal(t, want, quantities(c))
		again, changed := c.Ordered(order.ID, order.Lines, "d")
		require.False(t, changed)
		require.Equal(t, c, again)
	})
}

func TestLimits(t *testing.T) {
	products := catalogue(cart.MaxLines + 1)
	var c cart.Cart
	for n := range cart.MaxLines {
		var err error
		c, err = c.Put(product(n), 1, products, "a")
		require.NoError(t, err)
	}
	_, err := c.Put(product(cart.MaxLines), 1, products, "b")
	require.ErrorIs(t, err, cart.ErrFull)
	full, err := c.Put(product(0), 2, products, "b")
	require.NoError(t, err, "a product that is in the cart is no new line")
	require.Equal(t, int64(2), quantities(full)[product(0).ID])
	require.Equal(t, int64(1), quantities(c)[product(0).ID], "the cart itself is not altered")

	for _, quantity := range []int64{-1, 0, cart.MaxQuantity + 1} {
		_, err := cart.Cart{}.Put(product(0), quantity, products, "a")
		require.ErrorIs(t, err, cart.ErrQuantity)
	}
	retired := product(0)
	retired.Retired = true
	_, err = cart.Cart{}.Put(retired, 1, products, "a")
	require.ErrorIs(t, err, cart.ErrRetired)
}

func TestCurrenciesAreNotMixed(t *testing.T) {
	products := catalogue(2)
	c, err := cart.Cart{}.Put(products["product-0"], 1, products, "a")
	require.NoError(t, err)
	dollars := product(1)
	dollars.Price.Currency = "USD"
	_, err = c.Put(dollars, 1, products, "b")
	require.ErrorIs(t, err, cart.ErrMixed)
	// The only line may change its own currency.
	changed := product(0)
	changed.Price.Currency = "USD"
	_, err = c.Put(changed, 2, products, "b")
	require.NoError(t, err)
}
