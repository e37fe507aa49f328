package stock

import "time"

// Kind of a request.
type Kind string

// The kinds. Each may be asked any number of times, at the same time and late.
const (
	// Reserve holds all lines for an order, or nothing.
	Reserve Kind = "reserve"
	// Release undoes a reservation of an order that was never confirmed, also one that is still under way.
	Release Kind = "release"
	// Settle turns the holds of a confirmed order into sales.
	Settle Kind = "settle"
	// Return takes back what a confirmed order bought.
	Return Kind = "return"
	// Receive takes a delivery into stock: one line, and ReceiptID.
	Receive Kind = "receive"
	// Tidy removes what an order left in stock documents and no longer needs; it changes no counter.
	Tidy Kind = "tidy"
	// Prune does the same for a receipt.
	Prune Kind = "prune"
)

// Request is what is wanted for one order or one receipt.
type Request struct {
	Kind      Kind
	OrderID   string
	ReceiptID string
	Lines     []Line
	ExpiresAt time.Time
}

// Result of a request.
type Result string

// The results. Reused: the receipt is known with another quantity. Contradicted: the
// order's reservation says that the request cannot be meant, and nothing was done.
// Unknown: try again.
const (
	IsReserved   Result = "reserved"
	IsRefused    Result = "refused"
	IsReleased   Result = "released"
	IsSettled    Result = "settled"
	IsReturned   Result = "returned"
	IsReceived   Result = "received"
	IsTidy       Result = "tidy"
	NoStock      Result = "no_stock"
	Reused       Result = "reused"
	Contradicted Result = "contradicted"
	Unknown      Result = "unknown"
)

// Step is one step of a request: first the view's changed stocks are written, then, if
// every stock of the request's lines was, its own document. After that the Result stands;
// without one, the next step is decided from documents that are read again.
type Step struct {
	Reservation *Reservation
	Receipt     *Receipt
	Result      Result
	// Short is the product for want of which the order is refused.
	Short string
	// Reason explains Unknown and Contradicted.
	Reason string
	// Need are products that must be read as well before anything can be decided.
	Need []string
}
