package order_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/sidecart/sidecart/services/internal/money"
	"github.com/sidecart/sidecart/services/order/internal/order"
)

func submitted(t require.TestingT, at time.Time) order.Stream {
	stream, err := order.Submit(order.Submission{OrderID: "o", CustomerID: "c", Deadline: at.Add(time.Minute)}, at)
	require.NoError(t, err)
	return stream
}

// Whatever decisions are tried in whatever order, the stream's rules hold.
func TestAnyDecisionsKeepTheRules(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		now := time.Unix(1_000_000, 0)
		d, err := order.Decide(submitted(rt, now))
		require.NoError(rt, err)
		decisions := []func() error{
			func() error { return d.Reserve(now) },
			func() error { return d.AwaitPayment("p", now) },
			func() error { return d.Authorise("p", now) },
			func() error { return d.Confirm(now) },
			func() error { return d.RequestCancellation(order.Expired, now) },
			func() error { return d.RequestCancellation(order.ByCustomer, now) },
			func() error { return d.Cancel(now) },
			func() error { now = now.Add(25 * time.Second); return nil },
		}
		for _, n := range rapid.SliceOf(rapid.IntRange(0, len(decisions)-1)).Draw(rt, "decisions") {
			before := d.Order
			length := len(d.Stream)
			if err := decisions[n](); err != nil {
				require.ErrorIs(rt, err, order.ErrNotNow)
				require.Len(rt, d.Stream, length, "a refused decision appended")
			}
			require.False(rt, before.Status == order.StatusCancelled && len(d.Stream) != length, "a cancelled order went on")
			require.False(rt, before.Cancelling && !before.WasConfirmed && d.Order.WasConfirmed, "an order was confirmed while it was being undone")
		}
		folded, err := d.Stream.Fold()
		require.NoError(rt, err)
		require.Equal(rt, d.Order, folded, "the state is the fold of the stream")
		for i, e := range d.Stream {
			require.EqualValues(rt, i+1, e.Version)
		}
		if d.Order.WasConfirmed {
			require.True(rt, d.Order.Reserved && d.Order.Authorised)
		}

		raw, err := json.Marshal(d.Stream)
		require.NoError(rt, err)
		var replayed order.Stream
		require.NoError(rt, json.Unmarshal(raw, &replayed))
		again, err := replayed.Fold()
		require.NoError(rt, err)
		require.Equal(rt, folded.Snapshot(), again.Snapshot(), "replay from the store gives another state")
	})
}

func TestAStreamWithAGapOrAnUnknownEventIsRefused(t *testing.T) {
	stream := submitted(t, time.Now())
	for _, e := range []order.Event{{Type: order.StockReserved, Version: 3}, {Type: order.Submitted, Version: 2}, {Type: "order.lost", Version: 2}} {
		_, err := append(stream[:1:1], e).Fold()
		require.Error(t, err)
	}
}

func TestTotal(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var lines []order.Line
		var want int64
		for range rapid.IntRange(1, 100).Draw(rt, "lines") {
			price, quantity := rapid.Int64Range(0, 1e9).Draw(rt, "price"), rapid.Int64Range(1, 999).Draw(rt, "quantity")
			lines = append(lines, order.Line{Quantity: quantity, UnitPrice: money.Money{Amount: price, Currency: "EUR"}})
			want += price * quantity
		}
		total, err := order.Total(lines)
		require.NoError(rt, err)
		require.Equal(rt, money.Money{Amount: want, Currency: "EUR"}, total)
		lines[0].UnitPrice.Currency = "USD"
		_, err = order.Total(append(lines, order.Line{Quantity: 1, UnitPrice: money.Money{Amount: 1, Currency: "EUR"}}))
		require.ErrorIs(rt, err, money.ErrCurrency)
		_, err = order.Total([]order.Line{{Quantity: 999, UnitPrice: money.Money{Amount: 1 << 62, Currency: "EUR"}}})
		require.ErrorIs(rt, err, money.ErrOverflow)
	})
}
