package stock_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/sidecart/sidecart/services/inventory/internal/stock"
)

var noon = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

// shop keeps documents as a store would, and takes requests step by step.
type shop struct {
	stocks       map[string]stock.Stock
	reservations map[string]stock.Reservation
	receipts     map[string]stock.Receipt
}

func newShop(products ...string) *shop {
	s := &shop{map[string]stock.Stock{}, map[string]stock.Reservation{}, map[string]stock.Receipt{}}
	for _, id := range products {
		s.stocks[id] = stock.New(id, noon)
	}
	return s
}

// view reads what the request needs, in copies.
func (s *shop) view(products []string) *stock.View {
	v := stock.NewView(noon)
	for _, id := range products {
		known, ok := s.stocks[id]
		if !ok {
			v.AddStock(id, nil)
			continue
		}
		own := known
		own.Holds, own.Receipts, own.Returns = cloned(known.Holds), cloned(known.Receipts), cloned(known.Returns)
		v.AddStock(id, &own)
	}
	for _, r := range s.reservations {
		v.AddReservation(r)
	}
	for _, r := range s.receipts {
		v.AddReceipt(r)
	}
	return v
}

func cloned[V any](m map[string]V) map[string]V {
	out := map[string]V{}
	for key, value := range m {
		out[key] = value
	}
	return out
}

// do takes steps until there is a result. die is asked before each write; true ends the try there.
func (s *shop) do(t require.TestingT, r stock.Request, die func() bool) (stock.Step, bool) {
	products := []string{}
	for _, line := range r.Lines {
		products = append(products, line.ProductID)
	}
	for range 10 {
		v := s.view(products)
		step := v.Decide(r)
		for _, changed := range v.Changed() {
			if die() {
				return step, false
			}
			require.NoError(t, changed.Check())
			before := new(s.stocks[changed.ProductID]).Level()
			after := changed.Level()
			require.Equal(t, before.OnHand != after.OnHand || before.Held != after.Held, after.Version == before.Version+1, "a new level has a new version")
			s.stocks[changed.ProductID] = *changed
		}
		if (step.Reservation != nil || step.Receipt != nil) && die() {
			return step, false
		}
		if step.Reservation != nil {
			s.reservations[r.OrderID] = *step.Reservation
		}
		if step.Receipt != nil {
			s.receipts[r.ReceiptID] = *step.Receipt
		}
		products = append(products, step.Need...)
		if step.Result != "" {
			return step, true
		}
	}
	require.Fail(t, "no result after 10 steps")
	return stock.Step{}, false
}

func never() bool { return false }

func lines(of ...any) []stock.Line {
	var out []stock.Line
	for i := 0; i < len(of); i += 2 {
		out = append(out, stock.Line{ProductID: of[i].(string), Quantity: int64(of[i+1].(int))})
	}
	return out
}

func (s *shop) must(t require.TestingT, want stock.Result, kind stock.Kind, id string, of ...any) stock.Step {
	r := stock.Request{Kind: kind, OrderID: id, Lines: lines(of...), ExpiresAt: noon}
	if kind == stock.Receive || kind == stock.Prune {
		r.OrderID, r.ReceiptID = "", id
	}
	step, done := s.do(t, r, never)
	require.True(t, done)
	require.Equal(t, want, step.Result, "%s %s: %s", kind, id, step.Reason)
	return step
}

func TestAnOrderIsReservedWholeOrNotAtAll(t *testing.T) {
	s := newShop("ant", "bee")
	s.must(t, stock.IsReceived, stock.Receive, "r1", "ant", 5)
	step := s.must(t, stock.IsRefused, stock.Reserve, "o1", "ant", 1, "bee", 1)
	require.Equal(t, "bee", step.Short)
	require.Empty(t, s.stocks["ant"].Holds)
	step = s.must(t, stock.IsRefused, stock.Reserve, "o1", "ant", 1, "bee", 1)
	require.Equal(t, "bee", step.Short, "a refusal is remembered with its reason")
	require.Equal(t, "cow", s.must(t, stock.IsRefused, stock.Reserve, "o2", "ant", 1, "cow", 1).Short)
	s.must(t, stock.IsReserved, stock.Reserve, "o3", "ant", 5)
	require.Equal(t, stock.Changed{ProductID: "ant", Version: 3, OnHand: 5, Held: 5}, new(s.stocks["ant"]).Level())
}

func TestThreeHundredOrdersForAHundredPieces(t *testing.T) {
	s := newShop("ant")
	s.must(t, stock.IsReceived, stock.Receive, "r1", "ant", 100)
	v := s.view([]string{"ant"})
	results := map[stock.Result]int{}
	for i := range 300 {
		results[v.Decide(stock.Request{Kind: stock.Reserve, OrderID: fmt.Sprint(i), Lines: lines("ant", 1)}).Result]++
	}
	require.Equal(t, map[stock.Result]int{stock.IsReserved: 100, stock.IsRefused: 200}, results)
	changed := v.Changed()
	require.Len(t, changed, 1, "one write for all of them")
	require.NoError(t, changed[0].Check())
	require.EqualValues(t, 100, changed[0].Held())
}

func TestALateDuplicateNeitherHoldsNorSells(t *testing.T) {
	endings := map[string]struct {
		kinds []stock.Kind
		late  map[stock.Kind]stock.Result
	}{
		"settled": {[]stock.Kind{stock.Reserve, stock.Settle}, map[stock.Kind]stock.Result{
			stock.Reserve: stock.IsReserved, stock.Settle: stock.IsSettled, stock.Release: stock.Contradicted, stock.Tidy: stock.IsTidy}},
		"released": {[]stock.Kind{stock.Reserve, stock.Release}, map[stock.Kind]stock.Result{
			stock.Reserve: stock.IsRefused, stock.Release: stock.IsReleased, stock.Settle: stock.Contradicted, stock.Return: stock.Contradicted}},
		"released before it was reserved": {[]stock.Kind{stock.Release}, map[stock.Kind]stock.Result{
			stock.Reserve: stock.IsRefused, stock.Release: stock.IsReleased, stock.Settle: stock.Contradicted}},
		"returned": {[]stock.Kind{stock.Reserve, stock.Settle, stock.Return}, map[stock.Kind]stock.Result{
			stock.Reserve: stock.IsRefused, stock.Settle: stock.IsSettled, stock.Return: stock.IsReturned, stock.Release: stock.Contradicted}},
		"returned before its confirmation was heard of": {[]stock.Kind{stock.Reserve, stock.Return}, map[stock.Kind]stock.Result{
			stock.Reserve: stock.IsRefused, stock.Settle: stock.IsSettled, stock.Return: stock.IsReturned}},
	}
	for name, ending := range endings {
		t.Run(name, func(t *testing.T) {
			s := newShop("ant", "bee")
			s.must(t, stock.IsReceived, stock.Receive, "r1", "ant", 5)
			s.must(t, stock.IsReceived, stock.Receive, "r2", "bee", 5)
			for _, kind := range ending.kinds {
				_, done := s.do(t, stock.Request{Kind: kind, OrderID: "o1", Lines: lines("ant", 1, "bee", 2)}, never)
				require.True(t, done)
			}
			before := fmt.Sprint(s.stocks)
			for kind, want := range ending.late {
				s.must(t, want, kind, "o1", "ant", 1, "bee", 2)
				if kind != stock.Tidy {
					require.Equal(t, before, fmt.Sprint(s.stocks), "a late %s", kind)
				}
			}
		})
	}
}

func TestWhatIsReturnedWasSold(t *testing.T) {
	s := newShop("ant")
	s.must(t, stock.IsReceived, stock.Receive, "r1", "ant", 5)
	s.must(t, stock.IsReserved, stock.Reserve, "o1", "ant", 2)
	// The return overtakes the confirmation.
	s.must(t, stock.IsReturned, stock.Return, "o1", "ant", 2)
	s.must(t, stock.IsSettled, stock.Settle, "o1", "ant", 2)
	known := s.stocks["ant"]
	require.Equal(t, []int64{5, 5, 2, 2}, []int64{known.OnHand, known.Received, known.Sold, known.Returned})
	require.Empty(t, known.Holds)
}

func TestWhatWasNeverReservedIsNeitherSoldNorReturned(t *testing.T) {
	s := newShop("ant")
	s.must(t, stock.IsReceived, stock.Receive, "r1", "ant", 5)
	s.must(t, stock.Contradicted, stock.Settle, "o1", "ant", 1)
	s.must(t, stock.Contradicted, stock.Return, "o1", "ant", 1)
	require.EqualValues(t, 5, s.stocks["ant"].OnHand)
	require.Empty(t, s.reservations)
}

func TestAReservationKnowsItsLines(t *testing.T) {
	s := newShop("ant", "bee")
	s.must(t, stock.IsReceived, stock.Receive, "r1", "ant", 5)
	s.must(t, stock.IsReceived, stock.Receive, "r2", "bee", 5)
	s.must(t, stock.IsReserved, stock.Reserve, "o1", "ant", 1, "bee", 2)
	// The caller names one of them only.
	s.must(t, stock.IsSettled, stock.Settle, "o1", "ant", 1)
	require.EqualValues(t, 4, s.stocks["ant"].OnHand)
	require.EqualValues(t, 3, s.stocks["bee"].OnHand)
	require.Empty(t, s.stocks["bee"].Holds)
}

func TestAReceiptCountsOnce(t *testing.T) {
	s := newShop("ant")
	s.must(t, stock.IsReceived, stock.Receive, "r1", "ant", 5)
	s.must(t, stock.IsReceived, stock.Receive, "r1", "ant", 5)
	s.must(t, stock.Reused, stock.Receive, "r1", "ant", 6)
	s.must(t, stock.IsTidy, stock.Prune, "r1", "ant", 5)
	require.Empty(t, s.stocks["ant"].Receipts)
	s.must(t, stock.IsReceived, stock.Receive, "r1", "ant", 5)
	s.must(t, stock.Reused, stock.Receive, "r1", "ant", 6)
	require.EqualValues(t, 5, s.stocks["ant"].OnHand)
	s.must(t, stock.NoStock, stock.Receive, "r2", "cow", 1)
}

func TestHoldsOfOneDocumentAreBounded(t *testing.T) {
	s := newShop("ant")
	s.must(t, stock.IsReceived, stock.Receive, "r1", "ant", stock.MaxHolds+10)
	full := s.stocks["ant"]
	full.Holds = map[string]stock.Hold{}
	for i := range stock.MaxHolds {
		full.Holds[fmt.Sprint("o", i)] = stock.Hold{Quantity: 1, Since: noon}
	}
	s.stocks["ant"] = full
	s.must(t, stock.Unknown, stock.Reserve, "more", "ant", 1)
	s.must(t, stock.IsReserved, stock.Reserve, "o7", "ant", 1)
	require.NotContains(t, s.reservations, "more", "it is to be tried again, not refused")
	// One that leaves makes room.
	s.must(t, stock.IsSettled, stock.Settle, "o7", "ant", 1)
	s.must(t, stock.IsReserved, stock.Reserve, "more", "ant", 1)
}

// TestRequestsThatDieAndComeAgain: whatever dies between whichever writes, asking again ends as if nothing had died.
func TestRequestsThatDieAndComeAgain(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, calm := newShop("ant", "bee"), newShop("ant", "bee")
		kinds := rapid.SampledFrom([]stock.Kind{stock.Receive, stock.Reserve, stock.Settle, stock.Return, stock.Release, stock.Tidy, stock.Prune})
		for i := range rapid.IntRange(1, 30).Draw(t, "requests") {
			r := stock.Request{Kind: kinds.Draw(t, "kind"), Lines: lines("ant", rapid.IntRange(1, 3).Draw(t, "quantity"))}
			if r.Kind == stock.Receive || r.Kind == stock.Prune {
				r.ReceiptID = rapid.SampledFrom([]string{"r1", "r2", fmt.Sprint("r", i)}).Draw(t, "receipt")
			} else {
				r.OrderID = rapid.SampledFrom([]string{"o1", "o2", "o3"}).Draw(t, "order")
				r.Lines = append(r.Lines, lines("bee", rapid.IntRange(1, 3).Draw(t, "quantity"))...)
			}
			want, _ := calm.do(t, r, never)
			for {
				dying := rapid.Bool().Draw(t, "dying")
				got, done := s.do(t, r, func() bool { return dying && rapid.Bool().Draw(t, "die") })
				if done {
					require.Equal(t, want.Result, got.Result)
					break
				}
			}
			for id, known := range s.stocks {
				known.Version, known.Updated = calm.stocks[id].Version, calm.stocks[id].Updated
				require.Equal(t, fmt.Sprint(calm.stocks[id]), fmt.Sprint(known), "after %s %s%s", r.Kind, r.OrderID, r.ReceiptID)
			}
		}
	})
}
