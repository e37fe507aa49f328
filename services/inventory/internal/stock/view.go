package stock

import (
	"slices"
	"strings"
	"time"
)

// View is a set of documents as they were read: the stocks first, then the reservations
// and receipts. Requests are decided on it one after the other, each seeing the stocks as
// the ones before have left them.
//
// The fence rule makes that safe: a stock is only ever written with the ETag of a read that came
// before the reading of the reservation or receipt that the decision rests on. Whoever
// is late, by however much, finds the stock changed and must look again.
//
// The second rule: the holds of an order that is or may be promised are removed by its
// settlement alone. So a reservation that says Held had all its holds when it came to say so, and a missing
// hold then means sold.
type View struct {
	now          time.Time
	stocks       map[string]*entry
	reservations map[string]Reservation
	receipts     map[string]Receipt
}

type entry struct {
	*Stock
	held    int64
	changed bool
	read    Changed
}

// NewView is an empty view; now is written into what is decided, and decides nothing.
func NewView(now time.Time) *View {
	return &View{now: now, stocks: map[string]*entry{}, reservations: map[string]Reservation{}, receipts: map[string]Receipt{}}
}

// AddStock adds a stock that was read; nil when the product has none. The view owns it from now on.
func (v *View) AddStock(productID string, s *Stock) {
	if s == nil {
		v.stocks[productID] = nil
		return
	}
	level := s.Level()
	v.stocks[productID] = &entry{Stock: s, held: level.Held, read: level}
}

// AddReservation adds a reservation that was read after the stocks.
func (v *View) AddReservation(r Reservation) { v.reservations[r.OrderID] = r }

// AddReceipt adds a receipt that was read after the stocks.
func (v *View) AddReceipt(r Receipt) { v.receipts[r.ID] = r }

// Changed answers the stocks that must be written, by product. Their version is new if there is anything to tell.
func (v *View) Changed() []*Stock {
	var changed []*Stock
	for _, e := range v.stocks {
		if e == nil || !e.changed {
			continue
		}
		if e.OnHand != e.read.OnHand || e.held != e.read.Held {
			e.Version++
			e.Updated = v.now
		}
		changed = append(changed, e.Stock)
	}
	slices.SortFunc(changed, func(a, b *Stock) int { return strings.Compare(a.ProductID, b.ProductID) })
	return changed
}

func (v *View) unread(lines []Line) []string {
	var unread []string
	for _, line := range lines {
		if _, read := v.stocks[line.ProductID]; !read {
			unread = append(unread, line.ProductID)
		}
	}
	return unread
}

// drop removes the order's holds; false when there were none.
func (v *View) drop(orderID string, lines []Line) bool {
	dropped := false
	for _, line := range lines {
		e := v.stocks[line.ProductID]
		if e == nil {
			continue
		}
		if hold, ok := e.Holds[orderID]; ok {
			delete(e.Holds, orderID)
			e.held -= hold.Quantity
			e.changed, dropped = true, true
		}
	}
	return dropped
}

func (v *View) holdsAny(orderID string, lines []Line) bool {
	return slices.ContainsFunc(lines, func(line Line) bool {
		e := v.stocks[line.ProductID]
		if e == nil {
			return false
		}
		_, ok := e.Holds[orderID]
		return ok
	})
}

// covers tells whether the quantity is there for the order, counting what it holds already.
func (e *entry) covers(orderID string, quantity int64) bool {
	_, own := e.Holds[orderID]
	return own || e.OnHand-e.held >= quantity
}

func (e *entry) hold(orderID string, quantity int64, now time.Time) {
	if _, own := e.Holds[orderID]; own {
		return
	}
	if e.Holds == nil {
		e.Holds = map[string]Hold{}
	}
	e.Holds[orderID] = Hold{Quantity: quantity, Since: now}
	e.held += quantity
	e.changed = true
}

// sell turns the order's hold into a sale; without a hold it was sold before.
func (e *entry) sell(orderID string) {
	hold, ok := e.Holds[orderID]
	if !ok {
		return
	}
	delete(e.Holds, orderID)
	e.held -= hold.Quantity
	e.OnHand -= hold.Quantity
	e.Sold += hold.Quantity
	e.changed = true
}

func (e *entry) takeBack(orderID string, quantity int64) {
	if _, done := e.Returns[orderID]; done {
		return
	}
	if e.Returns == nil {
		e.Returns = map[string]int64{}
	}
	e.Returns[orderID] = quantity
	e.OnHand += quantity
	e.Returned += quantity
	e.changed = true
}

func (e *entry) receive(receiptID string, quantity int64) {
	if _, done := e.Stock.Receipts[receiptID]; done {
		return
	}
	if e.Receipts == nil {
		e.Receipts = map[string]int64{}
	}
	e.Receipts[receiptID] = quantity
	e.OnHand += quantity
	e.Received += quantity
	e.changed = true
}
