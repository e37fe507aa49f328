package books

import (
	"encoding/json"
	"fmt"
	"slices"
)

// shop makes books by doing what the services should do, one order at a time.
type shop struct {
	Books
	stock map[string]int // index in Stocks
}

func newShop(products ...string) *shop {
	s := &shop{stock: map[string]int{}}
	for i, id := range products {
		s.stock[id] = i
		s.Stocks = append(s.Stocks, Stock{ProductID: id, OnHand: 100, Received: 100})
	}
	return s
}

// fate is how an order ends.
type fate int

const (
	confirmed fate = iota
	undone
	declined
	refused
	expired
	fates
)

// steps of each fate after order.submitted; a reason makes the data.
var steps = map[fate][]string{
	confirmed: {"order.stock_reserved", "order.payment_pending", "order.payment_authorised", "order.confirmed"},
	undone:    {"order.stock_reserved", "order.payment_authorised", "order.confirmed", "order.cancellation_requested", "order.cancelled"},
	declined:  {"order.stock_reserved", "order.cancellation_requested", "order.cancelled"},
	refused:   {"order.cancellation_requested", "order.cancelled"},
	expired:   {"order.stock_reserved", "order.payment_pending", "order.cancellation_requested", "order.cancelled"},
}

var reasons = map[fate]string{undone: "by_customer", declined: "payment_declined", refused: "out_of_stock", expired: "expired"}

func (s *shop) order(id string, f fate, lines ...Line) {
	total := Money{0, lines[0].UnitPrice.Currency}
	for _, line := range lines {
		total.Amount += line.Quantity * line.UnitPrice.Amount
	}
	snapshot := Snapshot{ID: id, CustomerID: "c-" + id, Lines: lines, Total: total, Version: int64(len(steps[f])) + 1, Status: "cancelled", Reason: reasons[f]}
	if f == confirmed {
		snapshot.Status = "confirmed"
	}
	events := []Event{{Type: "order.submitted", Version: 1, Data: encode(map[string]any{
		"orderId": id, "customerId": "c-" + id, "lines": lines, "total": total,
	})}}
	for i, kind := range steps[f] {
		events = append(events, Event{Type: kind, Version: int64(i) + 2, Data: encode(map[string]string{"reason": reasons[f]})})
	}
	s.Orders = append(s.Orders, Order{id, snapshot, events})
	s.Entries = append(s.Entries, snapshot)
	s.book(id, f, lines)
	s.pay(id, f, total)
	if f == confirmed || f == undone {
		s.Notifications = append(s.Notifications, Notification{id, "order_confirmed", "inbox", "n1-" + id}, Notification{id, "order_confirmed", "email", "n2-" + id})
	}
	if f != confirmed {
		s.Notifications = append(s.Notifications, Notification{id, "order_cancelled", "inbox", "n3-" + id})
	}
}

func (s *shop) book(id string, f fate, lines []Line) {
	state := map[fate]string{confirmed: "settled", undone: "returned", declined: "released", refused: "refused", expired: "released"}[f]
	r := Reservation{OrderID: id, State: state}
	for _, line := range lines {
		r.Lines = append(r.Lines, struct {
			ProductID string `json:"productId"`
			Quantity  int64  `json:"quantity"`
		}{line.ProductID, line.Quantity})
		stock := &s.Stocks[s.stock[line.ProductID]]
		if f == confirmed || f == undone {
			stock.OnHand -= line.Quantity
			stock.Sold += line.Quantity
		}
		if f == undone {
			stock.OnHand += line.Quantity
			stock.Returned += line.Quantity
		}
	}
	s.Reservations = append(s.Reservations, r)
}

func (s *shop) pay(id string, f fate, total Money) {
	p := Payment{OrderID: id, PaymentID: "p-" + id, Currency: total.Currency, State: map[fate]string{
		confirmed: "captured", undone: "refunded", declined: "declined", refused: "none", expired: "voided",
	}[f]}
	if f == refused {
		p.PaymentID, p.Currency = "", ""
	}
	if f == confirmed || f == undone {
		p.Authorised, p.Captured = total.Amount, total.Amount
	}
	if f == undone {
		p.Refunded = total.Amount
	}
	s.Payments = append(s.Payments, p)
}

func encode(v any) json.RawMessage {
	raw, _ := json.Marshal(v) // strings and numbers, which cannot fail
	return raw
}

func eur(amount int64) Money { return Money{amount, "EUR"} }

// sound is one order of each fate: o-0 is confirmed, o-1 undone, o-2 declined, o-3 refused, o-4 expired.
func sound() *Books {
	s := newShop("mug", "pen", "hat")
	for f := range fates {
		s.order(fmt.Sprintf("o-%d", f), f, Line{"mug", "Mug", 2, eur(1250)}, Line{"pen", "Pen", 1, eur(99)})
	}
	return &s.Books
}

// event finds an order's first event of a type, to be changed.
func (b *Books) event(order, kind string) *Event {
	o := slices.IndexFunc(b.Orders, func(o Order) bool { return o.OrderID == order })
	e := slices.IndexFunc(b.Orders[o].Events, func(e Event) bool { return e.Type == kind })
	return &b.Orders[o].Events[e]
}
