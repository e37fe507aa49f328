package books

import (
	"maps"
	"slices"
)

// notifications: for each final order one of each kind that became true, in the inbox; on any
// further channel one at most.
func (c *checker) notifications() {
	found := group(c.books.Notifications, func(n Notification) string { return n.OrderID })
	for _, id := range c.ids {
		f := c.folds[id]
		if !f.Final() {
			continue
		}
		expected := map[string]bool{"order_confirmed": f.WasConfirmed, "order_cancelled": f.Status == "cancelled"}
		for _, kind := range []string{"order_confirmed", "order_cancelled"} {
			perChannel := map[string]int{}
			for _, n := range found[id] {
				if n.Kind == kind {
					perChannel[n.Channel]++
				}
			}
			if expected[kind] {
				same(c, "notification", id, kind+" in the inbox", 1, perChannel["inbox"])
			}
			for _, channel := range slices.Sorted(maps.Keys(perChannel)) {
				n := perChannel[channel]
				if !expected[kind] {
					c.find("notification", id, kind+" by "+channel, 0, n)
				} else if channel != "inbox" && n > 1 {
					c.find("notification", id, kind+" by "+channel, "1 at most", n)
				}
			}
		}
		for _, n := range found[id] {
			if _, known := expected[n.Kind]; !known {
				c.find("notification", id, "kind", "order_confirmed or order_cancelled", n.Kind)
			}
		}
	}
	c.count("notifications", len(c.books.Notifications), "one per final order and kind")
}

// entries: the read side tells every order as its stream does.
func (c *checker) entries() {
	found := group(c.books.Entries, func(s Snapshot) string { return s.ID })
	for _, id := range c.ids {
		if f := c.folds[id]; f.Final() {
			if len(found[id]) != 1 {
				c.find("entry", id, "entries", 1, len(found[id]))
				continue
			}
			c.compare("entry", f, found[id][0])
		}
	}
	c.count("entries", len(c.books.Entries), "each the fold of its stream")
}
