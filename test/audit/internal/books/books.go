// Package books checks that the records of all services agree. It knows no service and no network:
// plain data in, findings out.
package books

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// Books are the records of the whole shop at one moment.
type Books struct {
	Orders        []Order
	Stocks        []Stock
	Reservations  []Reservation
	Payments      []Payment
	Notifications []Notification
	Entries       []Snapshot
}

// Order is a stream, and the order that the service says it amounts to.
type Order struct {
	OrderID string   `json:"orderId"`
	Order   Snapshot `json:"order"`
	Events  []Event  `json:"events"`
}

// Event of an order's stream.
type Event struct {
	Type    string          `json:"type"`
	Version int64           `json:"version"`
	At      time.Time       `json:"at"`
	Data    json.RawMessage `json:"data"`
}

// Snapshot is an order at one version, as the order service or the read side tells it.
type Snapshot struct {
	ID         string `json:"orderId"`
	CustomerID string `json:"customerId"`
	Status     string `json:"status"`
	Reason     string `json:"reason"`
	Lines      []Line `json:"lines"`
	Total      Money  `json:"total"`
	Version    int64  `json:"version"`
}

// Line of an order.
type Line struct {
	ProductID string `json:"productId"`
	Name      string `json:"name"`
	Quantity  int64  `json:"quantity"`
	UnitPrice Money  `json:"unitPrice"`
}

// Money is an amount in the currency's minor unit.
type Money struct {
	Amount   int64  `json:"amount"`
	Currency string `json:"currency"`
}

func (m Money) String() string { return fmt.Sprintf("%d %s", m.Amount, m.Currency) }

// Stock is a product's document: pieces on hand, the counters that explain them, and who holds some.
type Stock struct {
	ProductID string `json:"productId"`
	OnHand    int64  `json:"onHand"`
	Received  int64  `json:"received"`
	Sold      int64  `json:"sold"`
	Returned  int64  `json:"returned"`
	Held      int64  `json:"held"`
	Holds     []Hold `json:"holds"`
}

// Hold is a piece of stock kept for an order.
type Hold struct {
	OrderID  string `json:"orderId"`
	Quantity int64  `json:"quantity"`
}

// Reservation is what an order was promised.
type Reservation struct {
	OrderID string `json:"orderId"`
	State   string `json:"state"`
	Lines   []struct {
		ProductID string `json:"productId"`
		Quantity  int64  `json:"quantity"`
	} `json:"lines"`
}

// Payment of an order; amounts in minor units.
type Payment struct {
	OrderID    string `json:"orderId"`
	PaymentID  string `json:"paymentId"`
	State      string `json:"state"`
	Authorised int64  `json:"authorised"`
	Captured   int64  `json:"captured"`
	Refunded   int64  `json:"refunded"`
	Currency   string `json:"currency"`
}

// Notification about an order on one channel.
type Notification struct {
	OrderID string `json:"orderId"`
	Kind    string `json:"kind"`
	Channel string `json:"channel"`
	ID      string `json:"id"`
}

// Finding is one record that does not agree with the others.
type Finding struct {
	// Record is the kind of it: order, stock, reservation, payment, notification, entry or total.
	Record string
	// ID of the order or product.
	ID string
	// What is wrong, and the two values.
	What, Expected, Found string
}

func (f Finding) String() string {
	return fmt.Sprintf("%-12s %s  %s: expected %s, found %s", f.Record, f.ID, f.What, f.Expected, f.Found)
}

// Count is one line of proof: how much was looked at.
type Count struct {
	What   string
	Number int64
	Detail string
}

// Report is what a check of the books says.
type Report struct {
	Counts   []Count
	Findings []Finding
	// Open is the number of orders that are not final.
	Open int
}

// Check proves that the books agree, or names every record that does not.
func Check(b Books) Report {
	c := &checker{books: b, folds: map[string]Fold{}}
	c.orders()
	c.stocks()
	c.reservations()
	c.payments()
	c.notifications()
	c.entries()
	slices.SortStableFunc(c.Findings, func(a, b Finding) int { return cmp.Compare(a.Record, b.Record) })
	return c.Report
}

type checker struct {
	Report
	books Books
	folds map[string]Fold
	ids   []string // of the orders that could be folded, as listed
}

func (c *checker) find(record, id, what string, expected, found any) {
	c.Findings = append(c.Findings, Finding{record, id, what, fmt.Sprint(expected), fmt.Sprint(found)})
}

// same finds a difference, if there is one.
func same[T comparable](c *checker, record, id, what string, expected, found T) {
	if expected != found {
		c.find(record, id, what, expected, found)
	}
}

func (c *checker) count(what string, number int, format string, args ...any) {
	c.Counts = append(c.Counts, Count{what, int64(number), fmt.Sprintf(format, args...)})
}
