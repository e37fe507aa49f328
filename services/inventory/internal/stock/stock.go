// Package stock is the inventory's domain: what is on hand of a product, which orders hold
// a piece of it, and what each order was promised. It decides and does no I/O.
package stock

import (
	"fmt"
	"time"
)

// MaxHolds bounds the orders that one stock document holds for at a time, and with it the document: about 400 KB.
const MaxHolds = 5000

// Stock is all that is known of one product's pieces, one document. Always
// OnHand ≥ 0, the sum of Holds ≤ OnHand, and OnHand = Received − Sold + Returned.
type Stock struct {
	ProductID string `json:"productId"`
	OnHand    int64  `json:"onHand"`
	Received  int64  `json:"received"`
	Sold      int64  `json:"sold"`
	Returned  int64  `json:"returned"`
	// Holds are the pieces kept for orders, by order id.
	Holds map[string]Hold `json:"holds,omitempty"`
	// Receipts (by receipt id) and Returns (by order id) are quantities that are in the
	// counters already, while the document that makes them known for good may not say so yet.
	Receipts map[string]int64 `json:"receipts,omitempty"`
	Returns  map[string]int64 `json:"returns,omitempty"`
	// Version counts the changes of what there is and what is held; Announced is the last one known to have been published.
	Version   int64     `json:"version"`
	Announced int64     `json:"announced"`
	Updated   time.Time `json:"updated"`
}

// Hold is what is kept for one order.
type Hold struct {
	Quantity int64     `json:"quantity"`
	Since    time.Time `json:"since"`
}

// New is the stock of a product of which nothing was received yet.
func New(productID string, now time.Time) Stock {
	return Stock{ProductID: productID, Version: 1, Updated: now}
}

// Held is how many pieces orders hold.
func (s *Stock) Held() int64 {
	var sum int64
	for _, hold := range s.Holds {
		sum += hold.Quantity
	}
	return sum
}

// Check names the invariant that does not hold, if any.
func (s *Stock) Check() error {
	held := s.Held()
	for id, hold := range s.Holds {
		if hold.Quantity <= 0 {
			return fmt.Errorf("stock %s: order %s holds %d", s.ProductID, id, hold.Quantity)
		}
	}
	switch {
	case s.OnHand < 0, held > s.OnHand:
		return fmt.Errorf("stock %s: %d on hand, %d held", s.ProductID, s.OnHand, held)
	case s.OnHand != s.Received-s.Sold+s.Returned:
		return fmt.Errorf("stock %s: %d on hand is not %d received - %d sold + %d returned", s.ProductID, s.OnHand, s.Received, s.Sold, s.Returned)
	}
	return nil
}

// ChangedType is the type of the event that tells a product's new stock.
const ChangedType = "stock.changed.v1"

// Changed is that event's data: the level at a version, not the change.
type Changed struct {
	ProductID string `json:"productId"`
	Version   int64  `json:"version"`
	OnHand    int64  `json:"onHand"`
	Held      int64  `json:"held"`
	Available int64  `json:"available"`
}

// Level is what the stock's event says.
func (s *Stock) Level() Changed {
	held := s.Held()
	return Changed{ProductID: s.ProductID, Version: s.Version, OnHand: s.OnHand, Held: held, Available: s.OnHand - held}
}
