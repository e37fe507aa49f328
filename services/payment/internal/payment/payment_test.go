package payment_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/sidecart/sidecart/services/internal/money"
	"github.com/sidecart/sidecart/services/payment/internal/payment"
)

// follows are the states that may come after each.
var follows = map[payment.State][]payment.State{
	payment.None:       {payment.Pending, payment.Authorised, payment.Declined, payment.Voided},
	payment.Pending:    {payment.Pending, payment.Authorised, payment.Declined, payment.Voided},
	payment.Authorised: {payment.Captured, payment.Voided, payment.Refunded},
	payment.Captured:   {payment.Refunded},
	payment.Voided:     {payment.Voided},
}

var price = money.Money{Amount: 2900, Currency: "EUR"}

func TestNoOrderOfCommandsBreaksTheBooks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		at := time.Date(2026, 1, 15, 9, 30, 0, 0, time.UTC)
		p := payment.Of("order")
		request := payment.Request{OrderID: "order", CustomerID: "customer", Amount: price, Token: "tok"}
		answer := rapid.Custom(func(t *rapid.T) payment.Answer {
			states := []payment.State{payment.None, payment.Pending, payment.Authorised, payment.Declined}
			return payment.Answer{State: rapid.SampledFrom(states).Draw(t, "state"), Ref: "ref"}
		})
		decisions := 0
		commands := map[string]func(*rapid.T) bool{
			"open":   func(t *rapid.T) bool { return p.Open(request, answer.Draw(t, "answer"), at) },
			"answer": func(t *rapid.T) bool { return p.Answer(answer.Draw(t, "answer"), at) },
			"capture": func(*rapid.T) bool {
				return p.Capture(at)
			},
			"void":     func(*rapid.T) bool { return p.Void(at) },
			"refund":   func(*rapid.T) bool { return p.Refund(at) },
			"owe void": func(*rapid.T) bool { return p.OweVoid(at) },
			"void paid": func(*rapid.T) bool {
				return p.VoidPaid(p.UpdatedAt, at)
			},
		}
		actions := map[string]func(*rapid.T){"": func(t *rapid.T) { check(t, p, decisions) }}
		for name, command := range commands {
			actions[name] = func(t *rapid.T) {
				before := p
				at = at.Add(time.Second)
				if !command(t) {
					require.Equal(t, before, p, "said that nothing changed")
					return
				}
				require.Contains(t, follows[before.State], p.State, "after %q", before.State)
				require.Equal(t, before.Version+1, p.Version)
				require.Equal(t, at, p.UpdatedAt)
				if before.State == payment.Pending && (p.State == payment.Authorised || p.State == payment.Declined) {
					decisions++
				}
			}
		}
		t.Repeat(actions)
	})
}

func check(t *rapid.T, p payment.Payment, decisions int) {
	amounts := map[payment.State][3]int64{
		payment.Authorised: {price.Amount, 0, 0},
		payment.Captured:   {price.Amount, price.Amount, 0},
		payment.Refunded:   {price.Amount, price.Amount, price.Amount},
	}
	if p.State == payment.Voided {
		require.Zero(t, p.Captured)
	} else {
		require.Equal(t, amounts[p.State], [3]int64{p.Authorised, p.Captured, p.Refunded})
	}
	require.Len(t, p.Outbox, decisions, "announced is exactly what was pending and is decided")
	require.Equal(t, p.State == payment.Pending && p.Unanswered, p.Token != "", "the token is kept only while the provider is to be asked")
	if p.VoidOwed {
		require.Equal(t, payment.Voided, p.State)
	}
	require.False(t, p.Settled() && (p.State == payment.Pending || p.State == payment.Authorised || p.VoidOwed || len(p.Outbox) > 0))
}

func TestDecisionsAreComparedWithWhatWasDecided(t *testing.T) {
	at := time.Now()
	request := payment.Request{OrderID: "o", Amount: price, Token: "tok"}
	opened := func(s payment.State) payment.Payment {
		p := payment.Of("o")
		require.True(t, p.Open(request, payment.Answer{State: s}, at))
		return p
	}
	refunded := opened(payment.Authorised)
	require.True(t, refunded.Capture(at))
	require.True(t, refunded.Refund(at))
	voidedBefore, voidedAfter := opened(payment.Pending), opened(payment.Authorised)
	require.True(t, voidedBefore.Void(at))
	require.True(t, voidedAfter.Void(at))
	for name, c := range map[string]struct {
		p                    payment.Payment
		authorised, declined bool
	}{
		"pending":                        {opened(payment.Pending), false, false},
		"authorised":                     {opened(payment.Authorised), true, false},
		"declined":                       {opened(payment.Declined), false, true},
		"refunded was authorised":        {refunded, true, false},
		"voided while pending":           {voidedBefore, false, false},
		"voided after the authorisation": {voidedAfter, true, false},
	} {
		assert.Equal(t, c.authorised, c.p.Agrees(payment.Authorised), name)
		assert.Equal(t, c.declined, c.p.Agrees(payment.Declined), name)
	}
}

func TestAVoidThatBecameOwedAgainStaysOwed(t *testing.T) {
	at := time.Now()
	p := payment.Of("o")
	require.True(t, p.Void(at))
	seen := p.UpdatedAt
	require.True(t, p.OweVoid(at.Add(time.Second)))
	require.False(t, p.VoidPaid(seen, at.Add(2*time.Second)))
	require.True(t, p.VoidPaid(p.UpdatedAt, at.Add(2*time.Second)))
	require.True(t, p.Settled())
}

func TestPublishedClearsOnlyWhatWasPublished(t *testing.T) {
	p := payment.Payment{Outbox: []payment.Announcement{{Version: 2}, {Version: 5}}}
	require.False(t, p.Published(1))
	require.True(t, p.Published(2))
	require.Equal(t, []payment.Announcement{{Version: 5}}, p.Outbox)
}
