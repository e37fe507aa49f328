package stock

import "time"

// State of an order's reservation. An order goes from None to Held, Refused or Released;
// from Held to Released, or by Settled or Returning to Returned. Nothing leads back.
type State string

// The states. None is the absence of the document.
const (
	None      State = "none"
	Held      State = "held"
	Refused   State = "refused"
	Released  State = "released"
	Settled   State = "settled"
	Returning State = "returning"
	Returned  State = "returned"
)

// Line is a quantity of one product.
type Line struct {
	ProductID string `json:"productId"`
	Quantity  int64  `json:"quantity"`
}

// Reservation is what one order was promised, one document, never deleted: it tells a
// duplicate that comes late what has become of the order.
type Reservation struct {
	OrderID   string    `json:"orderId"`
	State     State     `json:"state"`
	Lines     []Line    `json:"lines"`
	ExpiresAt time.Time `json:"expiresAt,omitzero"`
	// Short is the product for want of which the reservation was refused.
	Short string `json:"short,omitempty"`
}

// promised tells whether the order's pieces are held or may be: then its holds must stay.
func (s State) promised() bool { return s == None || s == Held }
