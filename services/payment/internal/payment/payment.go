// Package payment decides what may become of the one payment of an order. It is pure: no
// I/O, no clock. Every change is a method that answers whether there is something to write.
package payment

import (
	"time"

	"github.com/google/uuid"

	"github.com/sidecart/sidecart/services/internal/money"
)

// State of a payment. A payment that is declined, captured, voided or refunded needs nothing more.
type State string

// The states. None is an order that has no payment (yet).
//
//	none ─┬─► pending ─┬─► authorised ─┬─► captured ──► refunded
//	      │            │               └─► voided
//	      ├────────────┴─► declined
//	      └─► voided (a tombstone: the order was cancelled before its payment was asked for)
const (
	None       State = ""
	Pending    State = "pending"
	Authorised State = "authorised"
	Declined   State = "declined"
	Captured   State = "captured"
	Voided     State = "voided"
	Refunded   State = "refunded"
)

// Types of the events that tell how a pending payment was decided.
const (
	TypeAuthorised = "payment.authorised.v1"
	TypeDeclined   = "payment.declined.v1"
)

// Payment is the aggregate. Amounts are in minor units of Amount.Currency.
type Payment struct {
	ID         string      `json:"paymentId"`
	OrderID    string      `json:"orderId"`
	CustomerID string      `json:"customerId,omitempty"`
	Amount     money.Money `json:"amount"`
	// Token stands for the means of payment. It is kept only as long as the provider may have to be asked again.
	Token string `json:"token,omitempty"`
	State State  `json:"state"`
	// Unanswered marks a pending payment whose provider has not answered yet: it has to be asked again.
	// One that the provider itself called pending waits for the provider's callback.
	Unanswered bool `json:"unanswered,omitempty"`
	// Ref is the provider's name of the payment.
	Ref        string `json:"providerRef,omitempty"`
	Authorised int64  `json:"authorised"`
	Captured   int64  `json:"captured"`
	Refunded   int64  `json:"refunded"`
	// VoidOwed marks a voided payment whose authorisation may still reach the provider, sent before
	// the void by a process that has died since: it has to be voided once more when that is over.
	VoidOwed bool  `json:"voidOwed,omitempty"`
	Version  int64 `json:"version"`
	// Outbox holds what has happened but may not have been published (DESIGN R2).
	Outbox    []Announcement `json:"outbox,omitempty"`
	CreatedAt time.Time      `json:"createdAt"`
	UpdatedAt time.Time      `json:"updatedAt"`
}

// Announcement is an event to be published; with the payment's ids it is complete.
type Announcement struct {
	Type    string    `json:"type"`
	Version int64     `json:"version"`
	At      time.Time `json:"at"`
}

// Request asks for the authorisation of an order's payment.
type Request struct {
	OrderID, CustomerID string
	Amount              money.Money
	Token               string
}

// Answer is a provider's answer: Authorised, Declined or Pending, with its reference.
// The zero Answer is none within the time that was given.
type Answer struct {
	State State
	Ref   string
}

// ID of the payment of an order; every retry finds the same.
func ID(orderID string) string {
	return uuid.NewSHA1(uuid.NameSpaceURL, []byte("payment/"+orderID)).String()
}

// Of is the payment of an order that has none yet.
func Of(orderID string) Payment { return Payment{ID: ID(orderID), OrderID: orderID} }

// Open begins the payment with what the provider answered. False when there is one already.
func (p *Payment) Open(r Request, a Answer, at time.Time) bool {
	if p.State != None {
		return false
	}
	p.CustomerID, p.Amount, p.CreatedAt = r.CustomerID, r.Amount, at
	if a.State == Authorised || a.State == Declined {
		p.decide(a, at)
		return true
	}
	p.Ref, p.Unanswered = a.Ref, a.State == None
	if p.Unanswered {
		p.Token = r.Token
	}
	p.enter(Pending, at)
	return true
}

// Answer takes the provider's later answer to a pending payment: a decision is announced,
// "pending" only ends the asking. False when that changes nothing.
func (p *Payment) Answer(a Answer, at time.Time) bool {
	switch {
	case p.State != Pending:
		return false
	case a.State == Pending && p.Unanswered:
		p.Ref, p.Unanswered, p.Token = a.Ref, false, ""
		p.enter(Pending, at)
		return true
	case a.State == Authorised:
		p.decide(a, at)
		p.announce(TypeAuthorised)
		return true
	case a.State == Declined:
		p.decide(a, at)
		p.announce(TypeDeclined)
		return true
	}
	return false
}

func (p *Payment) decide(a Answer, at time.Time) {
	if a.Ref != "" {
		p.Ref = a.Ref
	}
	p.Unanswered, p.Token = false, ""
	if a.State == Authorised {
		p.Authorised = p.Amount.Amount
	}
	p.enter(a.State, at)
}

// Capture takes the authorised amount. False unless the payment is authorised.
func (p *Payment) Capture(at time.Time) bool {
	if p.State != Authorised {
		return false
	}
	p.Captured = p.Authorised
	p.enter(Captured, at)
	return true
}

// Void ends a payment of which nothing was captured; without a payment it leaves a
// tombstone, so that an authorisation that comes late finds the order cancelled.
func (p *Payment) Void(at time.Time) bool {
	switch p.State {
	case None:
		p.CreatedAt = at
		p.VoidOwed = true
	case Pending:
		p.VoidOwed = true
	case Authorised:
	default:
		return false
	}
	p.Unanswered, p.Token = false, ""
	p.enter(Voided, at)
	return true
}

// Refund gives the captured amount back. An authorised payment can be refunded when its
// capture has reached the provider and been lost on the way back.
func (p *Payment) Refund(at time.Time) bool {
	if p.State != Captured && p.State != Authorised {
		return false
	}
	p.Captured = p.Authorised
	p.Refunded = p.Captured
	p.enter(Refunded, at)
	return true
}

// OweVoid notes that the provider may hold an authorisation of this voided payment.
func (p *Payment) OweVoid(at time.Time) bool {
	if p.State != Voided {
		return false
	}
	p.VoidOwed = true
	p.enter(Voided, at)
	return true
}

// VoidPaid notes that the provider was told again. False when it was not owed, or has become so since before.
func (p *Payment) VoidPaid(before, at time.Time) bool {
	if !p.VoidOwed || p.UpdatedAt.After(before) {
		return false
	}
	p.VoidOwed = false
	p.enter(Voided, at)
	return true
}

// Published takes what the broker has out of the outbox: everything up to a version.
func (p *Payment) Published(version int64) bool {
	left := p.Outbox[:0:0]
	for _, a := range p.Outbox {
		if a.Version > version {
			left = append(left, a)
		}
	}
	changed := len(left) < len(p.Outbox)
	p.Outbox = left
	return changed
}

func (p *Payment) enter(s State, at time.Time) {
	p.State = s
	p.Version++
	p.UpdatedAt = at
}

func (p *Payment) announce(kind string) {
	p.Outbox = append(p.Outbox, Announcement{Type: kind, Version: p.Version, At: p.UpdatedAt})
}
