package books

import (
	"fmt"
	"maps"
	"slices"
)

// stocks: what is on hand now is what the streams say was sold and taken back, and nothing is held.
func (c *checker) stocks() {
	sold, returned := map[string]int64{}, map[string]int64{}
	for _, f := range c.folds {
		for _, line := range f.Lines {
			if f.WasConfirmed {
				sold[line.ProductID] += line.Quantity
			}
			if f.undone() {
				returned[line.ProductID] += line.Quantity
			}
		}
	}
	var sum Stock
	seen := map[string]bool{}
	for _, s := range c.books.Stocks {
		if seen[s.ProductID] {
			c.find("stock", s.ProductID, "listed", "once", "twice")
			continue
		}
		seen[s.ProductID] = true
		same(c, "stock", s.ProductID, "sold", sold[s.ProductID], s.Sold)
		same(c, "stock", s.ProductID, "returned", returned[s.ProductID], s.Returned)
		onHand := s.Received - sold[s.ProductID] + returned[s.ProductID]
		if onHand != s.OnHand {
			c.find("stock", s.ProductID, "on hand", fmt.Sprintf("%d = %d received - %d sold + %d returned",
				onHand, s.Received, sold[s.ProductID], returned[s.ProductID]), s.OnHand)
		}
		if s.OnHand < 0 {
			c.find("stock", s.ProductID, "on hand", "not negative", s.OnHand)
		}
		c.holds(s)
		sum.OnHand, sum.Received, sum.Sold, sum.Returned = sum.OnHand+s.OnHand, sum.Received+s.Received, sum.Sold+s.Sold, sum.Returned+s.Returned
	}
	for _, product := range slices.Sorted(maps.Keys(sold)) {
		if !seen[product] {
			c.find("stock", product, "document", fmt.Sprintf("one, as %d were sold", sold[product]), "none")
		}
	}
	c.count("stocks", len(c.books.Stocks), "%d on hand = %d received - %d sold + %d returned", sum.OnHand, sum.Received, sum.Sold, sum.Returned)
}

func (c *checker) holds(s Stock) {
	var held int64
	for _, hold := range s.Holds {
		held += hold.Quantity
		if f, known := c.folds[hold.OrderID]; !known || f.Final() {
			was := "unknown"
			if known {
				was = f.Status
			}
			c.find("stock", s.ProductID, "hold of order "+hold.OrderID+" ("+was+")", "nothing held", hold.Quantity)
		}
	}
	same(c, "stock", s.ProductID, "held, against the sum of its holds", held, s.Held)
}

// reservations: every order's reservation ended as the order did, for what was ordered.
func (c *checker) reservations() {
	by := map[string]int{}
	found := group(c.books.Reservations, func(r Reservation) string { return r.OrderID })
	for _, id := range c.ids {
		f, all := c.folds[id], found[id]
		if !f.Final() {
			continue
		}
		if len(all) != 1 {
			c.find("reservation", id, "answers", 1, len(all))
			continue
		}
		r := all[0]
		by[r.State]++
		switch {
		case f.Binding():
			same(c, "reservation", id, "state", "settled", r.State)
		case f.undone():
			same(c, "reservation", id, "state", "returned", r.State)
		case r.State != "none" && r.State != "refused" && r.State != "released":
			c.find("reservation", id, "state", "none, refused or released", r.State)
		}
		if f.WasConfirmed {
			ordered, reserved := map[string]int64{}, map[string]int64{}
			for _, line := range f.Lines {
				ordered[line.ProductID] += line.Quantity
			}
			for _, line := range r.Lines {
				reserved[line.ProductID] += line.Quantity
			}
			if !maps.Equal(ordered, reserved) {
				c.find("reservation", id, "lines", ordered, reserved)
			}
		}
	}
	c.count("reservations", len(c.books.Reservations)-by["none"], "%d settled, %d returned, %d released, %d refused; none holds anything",
		by["settled"], by["returned"], by["released"], by["refused"])
}

func group[T any](all []T, key func(T) string) map[string][]T {
	groups := map[string][]T{}
	for _, item := range all {
		groups[key(item)] = append(groups[key(item)], item)
	}
	return groups
}
