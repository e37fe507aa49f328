package books

import (
	"cmp"
	"fmt"
	"slices"
)

// orders: every stream is sound, the service tells it as it is, and every order is final.
func (c *checker) orders() {
	by := map[string]int{}
	for _, o := range c.books.Orders {
		f, err := fold(o)
		if err != nil {
			c.find("order", o.OrderID, "stream", "a sound stream", err)
			c.Open++
			continue
		}
		if _, twice := c.folds[o.OrderID]; twice {
			c.find("order", o.OrderID, "listed", "once", "twice")
			continue
		}
		same(c, "order", o.OrderID, "id in its stream", o.OrderID, f.ID)
		f.ID = o.OrderID
		c.folds[o.OrderID] = f
		c.ids = append(c.ids, o.OrderID)
		c.compare("order", f, o.Order)
		if !f.Final() {
			c.Open++
			c.find("order", o.OrderID, "state", "confirmed or cancelled, nothing owed", state(f))
		}
		by[f.Status]++
		if f.undone() {
			by["undone"]++
		}
	}
	c.count("orders", len(c.books.Orders), "%d confirmed, %d cancelled (%d of them after confirmation), %d not final",
		by["confirmed"], by["cancelled"], by["undone"], c.Open)
}

func state(f Fold) string {
	if f.cancelling {
		return f.Status + ", being cancelled"
	}
	return f.Status
}

// compare finds where a snapshot is not what the stream amounts to.
func (c *checker) compare(record string, f Fold, s Snapshot) {
	same(c, record, f.ID, "customer", f.CustomerID, s.CustomerID)
	same(c, record, f.ID, "status", f.Status, s.Status)
	same(c, record, f.ID, "reason", f.Reason, s.Reason)
	same(c, record, f.ID, "version", f.Version, s.Version)
	same(c, record, f.ID, "total", f.Total, s.Total)
	same(c, record, f.ID, "lines", told(f.Lines), told(s.Lines))
}

// told makes lines comparable; their order does not matter.
func told(lines []Line) string {
	sorted := slices.SortedFunc(slices.Values(lines), func(a, b Line) int { return cmp.Compare(a.ProductID, b.ProductID) })
	return fmt.Sprint(sorted)
}
