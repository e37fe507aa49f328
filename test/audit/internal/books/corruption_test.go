package books

import "strings"

// corruption changes sound books so that exactly that record is at fault.
type corruption struct {
	name             string
	do               func(b *Books)
	record, id, what string
}

func orderCorruptions() []corruption {
	return []corruption{
		{"a lost event", func(b *Books) { b.Orders[0].Events = append(b.Orders[0].Events[:1], b.Orders[0].Events[2:]...) }, "order", "o-0", "stream"},
		{"a lost last event", func(b *Books) { b.Orders[0].Events = b.Orders[0].Events[:4] }, "order", "o-0", "state"},
		{"an event twice", func(b *Books) { b.Orders[0].Events = append(b.Orders[0].Events, b.Orders[0].Events[4]) }, "order", "o-0", "stream"},
		{"an unknown event", func(b *Books) { b.event("o-0", "order.payment_pending").Type = "order.shipped" }, "order", "o-0", "stream"},
		{"confirmed unpaid", func(b *Books) { b.event("o-0", "order.payment_authorised").Type = "order.payment_pending" }, "order", "o-0", "stream"},
		{"an event after the end", func(b *Books) {
			b.Orders[2].Events = append(b.Orders[2].Events, Event{Type: "order.stock_reserved", Version: 5})
		}, "order", "o-2", "stream"},
		{"cancelled out of the blue", func(b *Books) { b.event("o-2", "order.cancellation_requested").Type = "order.stock_reserved" }, "order", "o-2", "stream"},
		{"a wrong sum", func(b *Books) {
			e := b.event("o-0", "order.submitted")
			e.Data = []byte(strings.Replace(string(e.Data), "2599", "2598", 1))
		}, "order", "o-0", "stream"},
		{"no events", func(b *Books) { b.Orders[0].Events = nil }, "order", "o-0", "stream"},
		{"unreadable data", func(b *Books) { b.event("o-0", "order.submitted").Data = []byte("{") }, "order", "o-0", "stream"},
		{"another order's stream", func(b *Books) { b.Orders[0].Events[0] = b.Orders[1].Events[0] }, "order", "o-0", "id in its stream"},
		{"an order that the service tells otherwise", func(b *Books) { b.Orders[0].Order.Status = "submitted" }, "order", "o-0", "status"},
		{"an order listed twice", func(b *Books) { b.Orders = append(b.Orders, b.Orders[0]) }, "order", "o-0", "listed"},
		{"being cancelled for ever", func(b *Books) { b.Orders[1].Events = b.Orders[1].Events[:5] }, "order", "o-1", "state"},
	}
}

func stockCorruptions() []corruption {
	return []corruption{
		{"pieces lost", func(b *Books) { b.Stocks[0].OnHand-- }, "stock", "mug", "on hand"},
		{"pieces found", func(b *Books) { b.Stocks[2].OnHand++ }, "stock", "hat", "on hand"},
		{"sold without an order", func(b *Books) { b.Stocks[0].Sold++; b.Stocks[0].OnHand-- }, "stock", "mug", "sold"},
		{"returned without an order", func(b *Books) { b.Stocks[1].Returned++; b.Stocks[1].OnHand++ }, "stock", "pen", "returned"},
		{"a negative stock", func(b *Books) { b.Stocks[2].OnHand, b.Stocks[2].Received = -1, -1 }, "stock", "hat", "on hand"},
		{"a hold of a confirmed order", func(b *Books) { b.Stocks[0].Holds, b.Stocks[0].Held = []Hold{{"o-0", 2}}, 2 }, "stock", "mug", "hold of order o-0 (confirmed)"},
		{"a hold of an order that is not", func(b *Books) { b.Stocks[0].Holds, b.Stocks[0].Held = []Hold{{"o-9", 2}}, 2 }, "stock", "mug", "hold of order o-9 (unknown)"},
		{"a wrong sum of holds", func(b *Books) { b.Stocks[0].Held = 1 }, "stock", "mug", "held, against the sum of its holds"},
		{"a lost document", func(b *Books) { b.Stocks = b.Stocks[1:] }, "stock", "mug", "document"},
		{"a product listed twice", func(b *Books) { b.Stocks = append(b.Stocks, b.Stocks[0]) }, "stock", "mug", "listed"},
	}
}

func reservationCorruptions() []corruption {
	return []corruption{
		{"a reservation not settled", func(b *Books) { b.Reservations[0].State = "held" }, "reservation", "o-0", "state"},
		{"a reservation not returned", func(b *Books) { b.Reservations[1].State = "returning" }, "reservation", "o-1", "state"},
		{"a reservation not released", func(b *Books) { b.Reservations[2].State = "held" }, "reservation", "o-2", "state"},
		{"a reservation for other goods", func(b *Books) { b.Reservations[0].Lines[0].Quantity = 3 }, "reservation", "o-0", "lines"},
		{"a lost reservation", func(b *Books) { b.Reservations = b.Reservations[1:] }, "reservation", "o-0", "answers"},
	}
}

func paymentCorruptions() []corruption {
	return []corruption{
		{"a lost payment", func(b *Books) { b.Payments = b.Payments[1:] }, "payment", "o-0", "payments of a confirmed order"},
		{"a payment forgotten", func(b *Books) { b.Payments[0].State = "none" }, "payment", "o-0", "payments of a confirmed order"},
		{"two payments", func(b *Books) { b.Payments = append(b.Payments, b.Payments[0]) }, "payment", "o-0", "payments of a confirmed order"},
		{"two payments of a cancelled order", func(b *Books) { b.Payments = append(b.Payments, b.Payments[1]) }, "payment", "o-1", "payments of a cancelled order"},
		{"a payment shared", func(b *Books) { b.Payments[1].PaymentID = "p-0"; b.Payments[0].PaymentID = "p-0" }, "payment", "o-1", "payment id p-0"},
		{"captured too little", func(b *Books) { b.Payments[0].Captured-- }, "payment", "o-0", "captured"},
		{"authorised too much", func(b *Books) { b.Payments[0].Authorised++ }, "payment", "o-0", "authorised"},
		{"not captured", func(b *Books) { b.Payments[0].State = "authorised" }, "payment", "o-0", "state"},
		{"in another currency", func(b *Books) { b.Payments[0].Currency = "USD" }, "payment", "o-0", "currency"},
		{"refunded though sold", func(b *Books) { b.Payments[0].Refunded = 1 }, "payment", "o-0", "refunded"},
		{"not refunded", func(b *Books) { b.Payments[1].Refunded = 0 }, "payment", "o-1", "captured - refunded"},
		{"captured though declined", func(b *Books) { b.Payments[2].State = "captured" }, "payment", "o-2", "state"},
		{"held on the card", func(b *Books) { b.Payments[4].State = "authorised" }, "payment", "o-4", "state"},
		{"a sum that is off", func(b *Books) { b.Payments[0].Captured-- }, "total", "EUR", "captured - refunded, against the totals of confirmed orders"},
	}
}

func notificationCorruptions() []corruption {
	return []corruption{
		{"not announced", func(b *Books) { b.Notifications = b.Notifications[1:] }, "notification", "o-0", "order_confirmed in the inbox"},
		{"announced twice", func(b *Books) { b.Notifications = append(b.Notifications, b.Notifications[0]) }, "notification", "o-0", "order_confirmed in the inbox"},
		{"mailed twice", func(b *Books) { b.Notifications = append(b.Notifications, b.Notifications[1]) }, "notification", "o-0", "order_confirmed by email"},
		{"announced wrongly", func(b *Books) { b.Notifications[0].Kind = "order_cancelled" }, "notification", "o-0", "order_cancelled by inbox"},
		{"announced strangely", func(b *Books) { b.Notifications[1].Kind = "order_shipped" }, "notification", "o-0", "kind"},
	}
}

func entryCorruptions() []corruption {
	return []corruption{
		{"a lost entry", func(b *Books) { b.Entries = b.Entries[1:] }, "entry", "o-0", "entries"},
		{"an entry twice", func(b *Books) { b.Entries = append(b.Entries, b.Entries[0]) }, "entry", "o-0", "entries"},
		{"an old entry", func(b *Books) { b.Entries[0].Version-- }, "entry", "o-0", "version"},
		{"an entry with another status", func(b *Books) { b.Entries[0].Status = "cancelled" }, "entry", "o-0", "status"},
		{"an entry with another reason", func(b *Books) { b.Entries[2].Reason = "expired" }, "entry", "o-2", "reason"},
		{"an entry with another total", func(b *Books) { b.Entries[0].Total.Amount++ }, "entry", "o-0", "total"},
		{"an entry with other lines", func(b *Books) { b.Entries[0].Lines = b.Entries[0].Lines[1:] }, "entry", "o-0", "lines"},
		{"an entry of another customer", func(b *Books) { b.Entries[0].CustomerID = "c-1" }, "entry", "o-0", "customer"},
	}
}
