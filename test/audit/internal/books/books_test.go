package books

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestSoundBooksPass(t *testing.T) {
	report := Check(*sound())
	require.Empty(t, report.Findings)
	require.Zero(t, report.Open)
	counts := map[string]Count{}
	for _, c := range report.Counts {
		counts[c.What] = c
	}
	require.Equal(t, "1 confirmed, 4 cancelled (1 of them after confirmation), 0 not final", counts["orders"].Detail)
	require.Equal(t, int64(5), counts["orders"].Number)
	require.Equal(t, "297 on hand = 300 received - 6 sold + 3 returned", counts["stocks"].Detail)
	require.Equal(t, int64(4), counts["payments"].Number)
	require.Contains(t, counts["payments"].Detail, "kept: 2599 EUR")
}

// The order service may keep the first event's data to itself, and tell the order instead.
func TestSoundBooksWithoutTheFirstEventsData(t *testing.T) {
	b := sound()
	for i := range b.Orders {
		b.Orders[i].Events[0].Data = nil
	}
	require.Empty(t, Check(*b).Findings)
	b.Orders[0].Order.Total.Amount--
	require.Contains(t, fmt.Sprint(Check(*b).Findings), "the lines amount to")
	b.Orders[0].Order = Snapshot{}
	require.Contains(t, fmt.Sprint(Check(*b).Findings), "nothing ordered")
}

func TestAnyHistoryOfACorrectShopPasses(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := newShop("mug", "pen", "hat")
		for i := range rapid.IntRange(0, 30).Draw(t, "orders") {
			currency := rapid.SampledFrom([]string{"EUR", "USD"}).Draw(t, "currency")
			var lines []Line
			for _, product := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"mug", "pen", "hat"}), 1, 3, rapid.ID).Draw(t, "products") {
				price := rapid.Int64Range(1, 1e6).Draw(t, "price")
				lines = append(lines, Line{product, product, rapid.Int64Range(1, 3).Draw(t, "quantity"), Money{price, currency}})
			}
			f := fate(rapid.IntRange(0, int(fates)-1).Draw(t, "fate"))
			if f == confirmed && s.Stocks[s.stock[lines[0].ProductID]].OnHand < 20 {
				f = refused
			}
			s.order(fmt.Sprint("o", i), f, lines...)
		}
		for _, f := range Check(s.Books).Findings {
			t.Errorf("%s", f)
		}
	})
}

// Each kind of record is corrupted in each way that matters, and the offender is named.
func TestCorruptionIsNamed(t *testing.T) {
	all := slices.Concat(orderCorruptions(), stockCorruptions(), reservationCorruptions(), paymentCorruptions(), notificationCorruptions(), entryCorruptions())
	for _, c := range all {
		t.Run(c.name, func(t *testing.T) {
			b := sound()
			c.do(b)
			report := Check(*b)
			for _, f := range report.Findings {
				if f.Record == c.record && f.ID == c.id && f.What == c.what {
					require.NotEqual(t, f.Expected, f.Found)
					return
				}
			}
			require.Fail(t, "not named", "%v", report.Findings)
		})
	}
}

func TestOpenOrdersMayHold(t *testing.T) {
	b := sound()
	b.Orders[2].Events = b.Orders[2].Events[:2]
	b.Stocks[0].Holds, b.Stocks[0].Held = []Hold{{"o-2", 2}}, 2
	report := Check(*b)
	require.Equal(t, 1, report.Open)
	for _, f := range report.Findings {
		require.Equal(t, "order", f.Record, "only the order is at fault: %s", f)
	}
}
