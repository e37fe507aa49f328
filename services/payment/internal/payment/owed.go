package payment

import (
	"time"

	"github.com/sidecart/sidecart/services/internal/money"
)

// Decision is what an order is told of its payment: Authorised, Declined or Pending. What
// was voided or refunded was so because the order is cancelled, which must not pay any more.
func (p Payment) Decision() State {
	switch p.State {
	case Authorised, Captured:
		return Authorised
	case Pending:
		return Pending
	}
	return Declined
}

// Disagrees tells whether an order asks for another amount than it did before.
func (p Payment) Disagrees(amount money.Money) bool {
	return p.Amount != money.Money{} && p.Amount != amount
}

// Agrees tells whether a decision is the one that was taken, whatever has become of the payment since.
func (p Payment) Agrees(decision State) bool {
	if decision == Authorised {
		return p.Authorised > 0
	}
	return p.State == decision
}

// Settled tells that nothing is owed for the payment any more: no sweep needs to see it again.
func (p Payment) Settled() bool {
	switch p.State {
	case Declined, Captured, Voided, Refunded:
		return len(p.Outbox) == 0 && !p.VoidOwed
	}
	return false
}

// AskAgain tells that the provider's answer is missing for longer than wait.
func (p Payment) AskAgain(now time.Time, wait time.Duration) bool {
	return p.State == Pending && p.Unanswered && now.Sub(p.UpdatedAt) > wait
}

// Uncaptured tells that the payment is authorised for longer than wait: the news of its order may have been lost.
func (p Payment) Uncaptured(now time.Time, wait time.Duration) bool {
	return p.State == Authorised && now.Sub(p.UpdatedAt) > wait
}

// VoidAgain tells that the payment was voided longer ago than wait, and that the provider has to be told once more.
func (p Payment) VoidAgain(now time.Time, wait time.Duration) bool {
	return p.VoidOwed && now.Sub(p.UpdatedAt) > wait
}
