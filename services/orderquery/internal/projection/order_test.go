package projection_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/sidecart/sidecart/services/internal/money"
	"github.com/sidecart/sidecart/services/orderquery/internal/projection"
)

var placed = time.Date(2026, 1, 15, 23, 59, 0, 0, time.UTC)

func valid() projection.Order {
	return projection.Order{
		OrderID: uuid.NewString(), CustomerID: uuid.NewString(), Version: 3, Status: "confirmed", WasConfirmed: true,
		Lines: []projection.Line{{ProductID: "p", Name: "Mug", Quantity: 1, UnitPrice: money.Money{Amount: 5, Currency: "EUR"}}},
		Total: money.Money{Amount: 5, Currency: "EUR"}, PlacedAt: placed, UpdatedAt: placed,
	}
}

func TestValid(t *testing.T) {
	require.NoError(t, valid().Valid())
	for name, spoil := range map[string]func(*projection.Order){
		"order id":         func(o *projection.Order) { o.OrderID = "" },
		"braces":           func(o *projection.Order) { o.OrderID = "{" + o.OrderID + "}" },
		"customer id":      func(o *projection.Order) { o.CustomerID = "x" },
		"version":          func(o *projection.Order) { o.Version = 0 },
		"status":           func(o *projection.Order) { o.Status = "shipped" },
		"lines":            func(o *projection.Order) { o.Lines = nil },
		"placedAt":         func(o *projection.Order) { o.PlacedAt = time.Time{} },
		"negative total":   func(o *projection.Order) { o.Total.Amount = -1 },
		"missing currency": func(o *projection.Order) { o.Total.Currency = "" },
	} {
		o := valid()
		spoil(&o)
		require.Error(t, o.Valid(), name)
	}
}

func TestDayIsThatOfUTC(t *testing.T) {
	o := valid()
	o.PlacedAt = placed.In(time.FixedZone("east", 3600))
	require.Equal(t, "2026-01-15", o.Day())
}

// The latest version of each order remains, whatever the order in which the snapshots come.
func TestLatest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		highest := map[string]int64{}
		snapshots := rapid.SliceOf(rapid.Custom(func(t *rapid.T) projection.Order {
			return projection.Order{OrderID: rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "id"), Version: rapid.Int64Range(1, 6).Draw(t, "version")}
		})).Draw(t, "snapshots")
		for _, s := range snapshots {
			highest[s.OrderID] = max(highest[s.OrderID], s.Version)
		}
		latest := map[string]int64{}
		for _, o := range projection.Latest(snapshots) {
			require.NotContains(t, latest, o.OrderID)
			latest[o.OrderID] = o.Version
		}
		require.Equal(t, highest, latest)
	})
}

func TestSales(t *testing.T) {
	sales := projection.NewSales("2026-01-15")
	add := func(status string, was bool, amount int64, currency string) error {
		o := valid()
		o.Status, o.WasConfirmed, o.Total = status, was, money.Money{Amount: amount, Currency: currency}
		return sales.Add(o)
	}
	require.NoError(t, add("confirmed", true, 100, "USD"))
	require.NoError(t, add("confirmed", true, 250, "EUR"))
	require.NoError(t, add("confirmed", true, 50, "EUR"))
	require.NoError(t, add("confirmed", true, 0, "CHF"))
	require.NoError(t, add("cancelled", true, 999, "EUR"))
	require.NoError(t, add("cancelled", false, 999, "EUR"))
	require.NoError(t, add("submitted", false, 999, "EUR"))
	require.Equal(t, projection.Sales{
		Day: "2026-01-15", Orders: 4, CancelledAfterConfirm: 1,
		Total: []money.Money{{Amount: 0, Currency: "CHF"}, {Amount: 300, Currency: "EUR"}, {Amount: 100, Currency: "USD"}},
	}, sales)
	require.ErrorIs(t, add("confirmed", true, 1<<63-1, "EUR"), money.ErrOverflow)
}
