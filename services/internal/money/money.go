// Package money is amounts in minor units (cents) with an ISO 4217 currency; no floats anywhere.
package money

import (
	"errors"
	"fmt"
	"math"
	"strings"
)

// Errors of arithmetic.
var (
	ErrCurrency = errors.New("money: currencies differ")
	ErrOverflow = errors.New("money: out of range")
)

// Money is an amount in the currency's minor unit.
type Money struct {
	Amount   int64  `json:"amount"`
	Currency string `json:"currency"`
}

// Add sums two amounts of one currency. The zero Money adds to any.
func (m Money) Add(o Money) (Money, error) {
	if m == (Money{}) {
		return o, nil
	}
	if m.Currency != o.Currency {
		return Money{}, fmt.Errorf("%w: %s and %s", ErrCurrency, m.Currency, o.Currency)
	}
	sum := m.Amount + o.Amount
	if (o.Amount > 0 && sum < m.Amount) || (o.Amount < 0 && sum > m.Amount) {
		return Money{}, ErrOverflow
	}
	return Money{sum, m.Currency}, nil
}

// Times multiplies a non-negative amount by a non-negative count.
func (m Money) Times(n int64) (Money, error) {
	if m.Amount < 0 || n < 0 || (n > 0 && m.Amount > math.MaxInt64/n) {
		return Money{}, ErrOverflow
	}
	return Money{m.Amount * n, m.Currency}, nil
}

// Valid tells whether the amount is not negative and the currency has the form of ISO 4217: three capital letters.
func (m Money) Valid() bool {
	capitals := strings.Trim(m.Currency, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
	return m.Amount >= 0 && len(m.Currency) == 3 && capitals
}
