package projection

import (
	"cmp"
	"slices"

	"github.com/sidecart/sidecart/services/internal/money"
)

// Sales are the figures of the orders that were placed on one day.
type Sales struct {
	Day string `json:"day"`
	// Orders that are confirmed, and their totals by currency.
	Orders int64         `json:"orders"`
	Total  []money.Money `json:"total"`
	// CancelledAfterConfirm counts orders that had been confirmed and were cancelled; they are not in the other figures.
	CancelledAfterConfirm int64 `json:"cancelledAfterConfirm"`
}

// NewSales are the figures of a day without orders.
func NewSales(day string) Sales { return Sales{Day: day, Total: []money.Money{}} }

// Add counts an order, which must be added once only. Error: money.ErrOverflow.
func (s *Sales) Add(o Order) error {
	switch {
	case !o.WasConfirmed:
		return nil
	case o.Status != "confirmed":
		s.CancelledAfterConfirm++
		return nil
	}
	i, found := slices.BinarySearchFunc(s.Total, o.Total.Currency, func(m money.Money, currency string) int {
		return cmp.Compare(m.Currency, currency)
	})
	if !found {
		s.Total = slices.Insert(s.Total, i, money.Money{Currency: o.Total.Currency})
	}
	sum, err := s.Total[i].Add(o.Total)
	if err != nil {
		return err
	}
	s.Total[i] = sum
	s.Orders++
	return nil
}
