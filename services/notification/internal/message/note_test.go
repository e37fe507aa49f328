package message

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/sidecart/sidecart/services/internal/money"
)

func order() Order {
	return Order{
		OrderID: "0f9d2a54-6d0e-5c9b-9a57-3c1f0d3c7a11", CustomerID: "01890a5d-ac96-774b-bcce-b302099a8057",
		Lines: []Line{{"Enamel mug", 2}, {"Tea", 1}}, Total: money.Money{Amount: 2905, Currency: "EUR"},
	}
}

func TestTexts(t *testing.T) {
	o := order()
	title, body := confirmation(o)
	require.Equal(t, "Order 0f9d2a54 is confirmed", title)
	require.Equal(t, "Thank you for your order of 2 × Enamel mug, 1 × Tea. The total is 29.05 EUR.", body)

	o.Reason = "out_of_stock"
	title, body = cancellation(o)
	require.Equal(t, "Order 0f9d2a54 is cancelled", title)
	require.Equal(t, "Your order of 2 × Enamel mug, 1 × Tea was cancelled because not all of it is in stock. You have not been charged.", body)

	o.Reason, o.WasConfirmed = "by_customer", true
	for range 6 {
		o.Lines = append(o.Lines, Line{"Cup", 1})
	}
	_, body = cancellation(o)
	require.Equal(t, "Your order of 2 × Enamel mug, 1 × Tea, 1 × Cup, 1 × Cup, 1 × Cup and 3 more was cancelled as you asked. 29.05 EUR will be refunded.", body)

	o.Reason = "of a later version"
	_, body = cancellation(o)
	require.Contains(t, body, " was cancelled. ")
}

func TestAmount(t *testing.T) {
	for _, c := range []struct {
		amount   int64
		currency string
		text     string
	}{
		{0, "EUR", "0.00 EUR"}, {5, "EUR", "0.05 EUR"}, {50, "USD", "0.50 USD"}, {123456, "EUR", "1234.56 EUR"},
		{7, "JPY", "7 JPY"}, {1, "KWD", "0.001 KWD"}, {12345, "KWD", "12.345 KWD"}, {9223372036854775807, "EUR", "92233720368547758.07 EUR"},
	} {
		require.Equal(t, c.text, amount(money.Money{Amount: c.amount, Currency: c.currency}))
	}
}

// A note's id is made of its kind, subject and channel alone, and no two notes share one.
func TestID(t *testing.T) {
	ids := map[string]bool{}
	for _, kind := range []string{OrderConfirmed, OrderCancelled, Welcome} {
		for _, subject := range []string{uuid.NewString(), uuid.NewString()} {
			for _, channel := range Channels {
				require.Equal(t, ID(kind, subject, channel), ID(kind, subject, channel))
				ids[ID(kind, subject, channel)] = true
			}
		}
	}
	require.Len(t, ids, 12)
}

func TestNotesOfAnOrder(t *testing.T) {
	o := order()
	o.UpdatedAt = time.Date(2026, 1, 15, 9, 30, 0, 0, time.UTC)
	notes := OfOrder(OrderCancelled, o, Channels[:])
	require.Len(t, notes, 2)
	for i, channel := range Channels {
		require.Equal(t, channel, notes[i].Channel)
		require.Equal(t, ID(OrderCancelled, o.OrderID, channel), notes[i].ID)
		require.Equal(t, o.CustomerID, notes[i].CustomerID)
		require.Equal(t, "Order 0f9d2a54 is cancelled", notes[i].Title)
		require.Equal(t, o.UpdatedAt, notes[i].CreatedAt)
	}
}

func TestValid(t *testing.T) {
	require.NoError(t, order().Valid())
	for name, spoil := range map[string]func(*Order){
		"order id":    func(o *Order) { o.OrderID = "short" },
		"customer id": func(o *Order) { o.CustomerID = "" },
		"lines":       func(o *Order) { o.Lines = nil },
		"total":       func(o *Order) { o.Total.Amount = -1 },
	} {
		o := order()
		spoil(&o)
		require.Error(t, o.Valid(), name)
	}
	require.NoError(t, User{uuid.NewString()}.Valid())
	require.Error(t, User{"urn:uuid:" + uuid.NewString()}.Valid())
}

// However attempts end, or do not: a delivery ends as sent or failed after MostAttempts at
// the latest, attempts never overlap, and what was sent stays so.
func TestDelivery(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now := time.Date(2026, 1, 15, 9, 30, 0, 0, time.UTC)
		d := Delivery{State: Pending}
		begun, uncounted := 0, 0
		for d.State == Pending {
			_, early := d.Begin(d.Due.Add(-1))
			require.False(t, early)
			now = now.Add(d.Due.Sub(now) + time.Duration(rapid.IntRange(0, 1e9).Draw(t, "late")))
			next, send := d.Begin(now)
			if d = next; !send {
				break
			}
			begun++
			require.Equal(t, begun-uncounted, d.Attempts)
			require.GreaterOrEqual(t, d.Due.Sub(now), 15*time.Second)
			require.LessOrEqual(t, d.Due.Sub(now), time.Hour)
			switch rapid.SampledFrom([]string{"crash", "refused", "refused", "refused", "no address", "unreachable", "sent"}).Draw(t, "end") {
			case "refused":
				d = d.End(d.Attempts, Outcome{Reason: "r"})
			case "no address":
				d = d.End(d.Attempts, Outcome{Final: true, Reason: "r"})
			case "unreachable":
				d = d.End(d.Attempts, Outcome{Uncounted: true, Reason: "r"})
				uncounted++
			case "sent":
				d = d.End(d.Attempts, Outcome{Sent: true})
				require.Equal(t, Delivery{Sent, d.Attempts, d.Due, ""}, d)
			}
		}
		require.LessOrEqual(t, begun-uncounted, MostAttempts)
		require.NotEqual(t, Pending, d.State)
		if d.State == Failed {
			require.NotEmpty(t, d.Reason)
		}
		_, again := d.Begin(now.Add(24 * time.Hour))
		require.False(t, again)
	})
}

func TestALateOutcomeChangesNothing(t *testing.T) {
	d := Delivery{State: Pending, Attempts: 3}
	require.Equal(t, d, d.End(2, Outcome{Final: true, Reason: "r"}))
	require.Equal(t, Failed, Delivery{State: Pending, Attempts: MostAttempts}.End(MostAttempts, Outcome{Reason: "r"}).State)
	require.Equal(t, Sent, Delivery{State: Failed, Attempts: MostAttempts}.End(2, Outcome{Sent: true}).State)
	require.Equal(t, Sent, Delivery{State: Sent, Attempts: 3}.End(3, Outcome{Final: true, Reason: "r"}).State)
}
