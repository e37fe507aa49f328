package books

import (
	"maps"
	"slices"
	"strings"
)

// payments: each confirmed order is paid once with its total, all other money is back.
func (c *checker) payments() {
	paid, owed := map[string]int64{}, map[string]int64{}
	holders := map[string]string{}
	states := map[string]int{}
	records := slices.DeleteFunc(slices.Clone(c.books.Payments), func(p Payment) bool { return p.State == "none" })
	for _, p := range records {
		paid[p.Currency] += p.Captured - p.Refunded
		states[p.State]++
		if other, taken := holders[p.PaymentID]; taken && other != p.OrderID && p.PaymentID != "" {
			c.find("payment", p.OrderID, "payment id "+p.PaymentID, "its own", "that of order "+other)
		}
		holders[p.PaymentID] = p.OrderID
	}
	found := group(records, func(p Payment) string { return p.OrderID })
	for _, id := range c.ids {
		f := c.folds[id]
		if !f.Final() {
			continue
		}
		if f.Binding() {
			owed[f.Total.Currency] += f.Total.Amount
			c.paid(f, found[id])
		} else {
			c.unpaid(f, found[id])
		}
	}
	var sums []string
	for _, currency := range slices.Sorted(maps.Keys(union(paid, owed))) {
		same(c, "total", currency, "captured - refunded, against the totals of confirmed orders", owed[currency], paid[currency])
		if paid[currency] != 0 {
			sums = append(sums, Money{paid[currency], currency}.String())
		}
	}
	c.count("payments", len(records), "%d captured, %d refunded, %d voided, %d declined; kept: %s (minor units)",
		states["captured"], states["refunded"], states["voided"], states["declined"], strings.Join(sums, ", "))
}

func union(a, b map[string]int64) map[string]int64 {
	both := maps.Clone(a)
	maps.Copy(both, b)
	return both
}

func (c *checker) paid(f Fold, all []Payment) {
	if len(all) != 1 {
		c.find("payment", f.ID, "payments of a confirmed order", 1, len(all))
		return
	}
	p := all[0]
	same(c, "payment", f.ID, "state", "captured", p.State)
	same(c, "payment", f.ID, "currency", f.Total.Currency, p.Currency)
	same(c, "payment", f.ID, "authorised", f.Total.Amount, p.Authorised)
	same(c, "payment", f.ID, "captured", f.Total.Amount, p.Captured)
	same(c, "payment", f.ID, "refunded", 0, p.Refunded)
}

func (c *checker) unpaid(f Fold, all []Payment) {
	if len(all) > 1 {
		c.find("payment", f.ID, "payments of a cancelled order", "1 at most", len(all))
	}
	for _, p := range all {
		if p.State != "declined" && p.State != "voided" && p.State != "refunded" {
			c.find("payment", f.ID, "state", "declined, voided or refunded", p.State)
		}
		same(c, "payment", f.ID, "captured - refunded", 0, p.Captured-p.Refunded)
	}
}
