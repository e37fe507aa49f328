package money_test

import (
	"math"
	"math/big"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/sidecart/sidecart/services/internal/money"
)

// Sums and products are those of arithmetic without bounds, or ErrOverflow exactly where they would not fit.
func TestArithmeticIsExactOrRefused(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		a, b := rapid.Int64().Draw(rt, "a"), rapid.Int64().Draw(rt, "b")
		sum, err := money.Money{Amount: a, Currency: "EUR"}.Add(money.Money{Amount: b, Currency: "EUR"})
		check(rt, new(big.Int).Add(big.NewInt(a), big.NewInt(b)), sum, err)
		if a >= 0 && b >= 0 {
			product, err := money.Money{Amount: a, Currency: "EUR"}.Times(b)
			check(rt, new(big.Int).Mul(big.NewInt(a), big.NewInt(b)), product, err)
		}
	})
}

func check(t *rapid.T, want *big.Int, got money.Money, err error) {
	if !want.IsInt64() {
		require.ErrorIs(t, err, money.ErrOverflow)
		return
	}
	require.NoError(t, err)
	require.Equal(t, money.Money{Amount: want.Int64(), Currency: "EUR"}, got)
}

func TestEdges(t *testing.T) {
	euro := money.Money{Amount: 1, Currency: "EUR"}
	_, err := euro.Add(money.Money{Amount: 1, Currency: "USD"})
	require.ErrorIs(t, err, money.ErrCurrency)
	sum, err := money.Money{}.Add(euro)
	require.NoError(t, err)
	require.Equal(t, euro, sum)
	_, err = money.Money{Amount: math.MaxInt64, Currency: "EUR"}.Times(2)
	require.ErrorIs(t, err, money.ErrOverflow)
	_, err = money.Money{Amount: -1, Currency: "EUR"}.Times(1)
	require.ErrorIs(t, err, money.ErrOverflow)
	for currency, valid := range map[string]bool{"EUR": true, "eur": false, "EU": false, "EURO": false, "E1R": false} {
		require.Equal(t, valid, money.Money{Amount: 1, Currency: currency}.Valid(), currency)
	}
	require.False(t, money.Money{Amount: -1, Currency: "EUR"}.Valid())
}
