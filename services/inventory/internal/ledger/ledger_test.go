package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sidecart/sidecart/contracts/contracttest"
	"github.com/sidecart/sidecart/services/internal/event"
	"github.com/sidecart/sidecart/services/internal/state"
	"github.com/sidecart/sidecart/services/internal/state/statetest"
	"github.com/sidecart/sidecart/services/inventory/internal/ledger"
	"github.com/sidecart/sidecart/services/inventory/internal/stock"
)

// broker keeps what was published, and can be down.
type broker struct {
	mu     sync.Mutex
	down   error
	events []event.Event
}

func (b *broker) publish(_ context.Context, topic string, events ...event.Event) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.down != nil || topic != "stock" {
		return errors.Join(b.down, errors.New("not published to "+topic))
	}
	b.events = append(b.events, events...)
	return nil
}

func open(store state.Store, b *broker) (*ledger.Ledger, *ledger.Announcer) {
	announcer := ledger.NewAnnouncer(b.publish)
	return ledger.New(store, announcer, slog.New(slog.DiscardHandler), time.Now), announcer
}

func line(product string, quantity int64) []stock.Line {
	return []stock.Line{{ProductID: product, Quantity: quantity}}
}

// filled is a ledger with so many pieces of each product.
func filled(t *testing.T, store state.Store, b *broker, quantity int64, products ...string) *ledger.Ledger {
	t.Helper()
	l, _ := open(store, b)
	require.NoError(t, l.Open(t.Context(), products))
	for _, id := range products {
		got := l.Do(t.Context(), []stock.Request{receipt(stock.Receipt{ID: "first-" + id, ProductID: id, Quantity: quantity})})
		require.Equal(t, stock.IsReceived, got[0].Result)
	}
	return l
}

func of(t *testing.T, l *ledger.Ledger, product string) stock.Stock {
	t.Helper()
	s, exists, err := l.Stock(t.Context(), product)
	require.NoError(t, err)
	require.True(t, exists)
	require.NoError(t, s.Check())
	return s
}

func TestThreeHundredCallersAndAHundredPieces(t *testing.T) {
	memory := statetest.NewMemory()
	var writes atomic.Int64
	memory.Fault = func(key string, applied bool) error {
		if key == "stock-ant" && applied {
			writes.Add(1)
		}
		return nil
	}
	b := &broker{}
	processes := []*ledger.Ledger{filled(t, memory, b, 100, "ant"), nil}
	processes[1], _ = open(memory, b)
	var wg sync.WaitGroup
	var reserved, refused atomic.Int64
	for i := range 300 {
		wg.Go(func() {
			for range 100 {
				r := stock.Request{Kind: stock.Reserve, OrderID: fmt.Sprint("o", i), Lines: line("ant", 1), ExpiresAt: time.Now().Add(time.Hour)}
				switch processes[i%2].Do(t.Context(), []stock.Request{r})[0].Result {
				case stock.IsReserved:
					reserved.Add(1)
					return
				case stock.IsRefused:
					refused.Add(1)
					return
				}
			}
		})
	}
	wg.Wait()
	require.EqualValues(t, 100, reserved.Load())
	require.EqualValues(t, 200, refused.Load())
	require.EqualValues(t, 100, new(of(t, processes[0], "ant")).Held())
	require.LessOrEqual(t, writes.Load(), int64(102))
}

// TestARefusalDropsNothingThatAnotherTryMayPromise: an order's first try died when it held one of its two products.
// While a second try finds the other product gone, that comes back and a third try reserves the order.
func TestARefusalDropsNothingThatAnotherTryMayPromise(t *testing.T) {
	memory := statetest.NewMemory()
	b := &broker{}
	first := filled(t, memory, b, 1, "ant", "bee")
	x := order{ID: "x", Lines: append(line("ant", 1), line("bee", 1)...)}
	y := order{ID: "y", Lines: line("bee", 1)}
	do := func(l *ledger.Ledger, kind stock.Kind, o order) stock.Result {
		return l.Do(t.Context(), []stock.Request{request(kind, o)})[0].Result
	}
	memory.Fault = func(key string, _ bool) error {
		if key == "stock-bee" || strings.HasPrefix(key, "reservation") {
			return errMishap
		}
		return nil
	}
	require.Equal(t, stock.Unknown, do(first, stock.Reserve, x))
	memory.Fault = nil
	require.Contains(t, of(t, first, "ant").Holds, "x")
	require.Equal(t, stock.IsReserved, do(first, stock.Reserve, y))

	second, _ := open(memory, b)
	third, _ := open(memory, b)
	memory.Fault = func(key string, _ bool) error {
		if key == "" {
			return nil
		}
		memory.Fault = nil
		require.Equal(t, stock.IsReleased, do(third, stock.Release, y))
		require.Equal(t, stock.IsReserved, do(third, stock.Reserve, x))
		return nil
	}
	require.Equal(t, stock.IsReserved, do(second, stock.Reserve, x))
	require.Nil(t, memory.Fault)
	require.Contains(t, of(t, first, "ant").Holds, "x")
	require.Equal(t, stock.IsSettled, do(first, stock.Settle, x))
	require.EqualValues(t, 1, of(t, first, "ant").Sold)
	require.EqualValues(t, 1, of(t, first, "bee").Sold)
}

// TestOrdersOfOneBatchThatAreTheSame: the second one sees what became of the first.
func TestOrdersOfOneBatchThatAreTheSame(t *testing.T) {
	l := filled(t, statetest.NewMemory(), &broker{}, 5, "ant")
	o := order{ID: "x", Lines: line("ant", 2)}
	got := l.Do(t.Context(), []stock.Request{request(stock.Reserve, o), request(stock.Reserve, o), request(stock.Settle, o), request(stock.Return, o), request(stock.Reserve, o)})
	want := []stock.Result{stock.IsReserved, stock.IsReserved, stock.IsSettled, stock.IsReturned, stock.IsRefused}
	for i, answer := range got {
		require.Equal(t, want[i], answer.Result)
	}
	s := of(t, l, "ant")
	require.Equal(t, []int64{5, 5, 2, 2}, []int64{s.OnHand, s.Received, s.Sold, s.Returned})
}

func TestABrokenDocumentSpoilsNoOtherOrder(t *testing.T) {
	memory := statetest.NewMemory()
	l := filled(t, memory, &broker{}, 5, "ant", "bee")
	item, err := memory.Get(t.Context(), "stock-bee")
	require.NoError(t, err)
	item.Value = []byte(`"broken"`)
	require.NoError(t, memory.Save(t.Context(), item))
	require.NoError(t, memory.Save(t.Context(), state.Item{Key: "reservation-broken", Value: []byte(`"broken"`)}))
	got := l.Do(t.Context(), []stock.Request{
		request(stock.Reserve, order{ID: "x", Lines: line("ant", 1)}),
		request(stock.Reserve, order{ID: "y", Lines: append(line("ant", 1), line("bee", 1)...)}),
		request(stock.Reserve, order{ID: "broken", Lines: line("ant", 1)}),
	})
	require.Equal(t, []ledger.Answer{{Result: stock.IsReserved}, {Result: stock.Unknown}, {Result: stock.Unknown}}, got)
	require.EqualValues(t, 1, new(of(t, l, "ant")).Held())
}

func TestAStoreThatDoesNotAnswerLeavesAllUnknown(t *testing.T) {
	memory := statetest.NewMemory()
	l := filled(t, memory, &broker{}, 5, "ant")
	memory.Fault = func(string, bool) error { return errMishap }
	got := l.Do(t.Context(), []stock.Request{request(stock.Reserve, order{ID: "x", Lines: line("ant", 1)}), request(stock.Release, order{ID: "y", Lines: line("ant", 1)})})
	require.Equal(t, []ledger.Answer{{Result: stock.Unknown}, {Result: stock.Unknown}}, got)
	require.ErrorIs(t, l.Open(t.Context(), []string{"bee"}), state.ErrUnavailable)
}

func TestChangesAreAnnouncedOnceAndTogether(t *testing.T) {
	b := &broker{}
	memory := statetest.NewMemory()
	l, announcer := open(memory, b)
	require.NoError(t, l.Open(t.Context(), []string{"ant", "ant", "bee"}))
	require.NoError(t, l.Open(t.Context(), []string{"ant"}))
	for i := range 3 {
		l.Do(t.Context(), []stock.Request{receipt(stock.Receipt{ID: fmt.Sprint(i), ProductID: "ant", Quantity: 2})})
	}
	require.NoError(t, announcer.Flush(t.Context()))
	require.NoError(t, announcer.Flush(t.Context()))
	require.Len(t, b.events, 2, "one for each product")
	levels := map[string]stock.Changed{}
	for _, e := range b.events {
		contracttest.Event(t, e)
		level, err := event.Data[stock.Changed](e)
		require.NoError(t, err)
		require.Equal(t, e.Subject, level.ProductID)
		levels[level.ProductID] = level
	}
	require.Equal(t, stock.Changed{ProductID: "ant", Version: 4, OnHand: 6, Available: 6}, levels["ant"])
	require.Equal(t, stock.Changed{ProductID: "bee", Version: 1}, levels["bee"])
	stocks, next, err := l.List(t.Context(), 1)
	require.NoError(t, err)
	require.Zero(t, next)
	require.Len(t, stocks, 2)
}

// TestWhatDiedBeforeItWasAnnounced: a process dies between the write and the publishing; another one's sweep publishes the same event.
func TestWhatDiedBeforeItWasAnnounced(t *testing.T) {
	memory := statetest.NewMemory()
	dead := &broker{}
	l := filled(t, memory, dead, 5, "ant")
	silent, announcer := open(memory, dead)
	silent.Do(t.Context(), []stock.Request{request(stock.Reserve, order{ID: "x", Lines: line("ant", 1)})})
	require.NoError(t, announcer.Flush(t.Context()))
	require.Len(t, dead.events, 1, "this is what the process would have published, and nobody heard")

	b := &broker{down: errMishap}
	next, _ := open(memory, b)
	sweeper := &ledger.Sweeper{Ledger: next, Grace: time.Hour}
	require.ErrorIs(t, sweeper.Sweep(t.Context()), errMishap)
	b.down = nil
	require.NoError(t, sweeper.Sweep(t.Context()))
	require.Equal(t, dead.events, b.events)
	require.NoError(t, sweeper.Sweep(t.Context()))
	require.NoError(t, sweeper.Sweep(t.Context()))
	require.Equal(t, dead.events, b.events, "all is announced, once")
	s := of(t, l, "ant")
	require.Empty(t, s.Receipts, "the receipt's mark has served")
	require.Equal(t, s.Version, s.Announced)
}

func TestExpiryFreesOnlyWhatTheOrderServiceLetsGo(t *testing.T) {
	l := filled(t, statetest.NewMemory(), &broker{}, 10, "ant")
	for _, id := range []string{"open", "confirmed", "cancelled", "none", "silent"} {
		require.Equal(t, stock.IsReserved, l.Do(t.Context(), []stock.Request{request(stock.Reserve, order{ID: id, Lines: line("ant", 1)})})[0].Result)
	}
	future := stock.Request{Kind: stock.Reserve, OrderID: "not expired", Lines: line("ant", 1), ExpiresAt: time.Now().Add(time.Hour)}
	require.Equal(t, stock.IsReserved, l.Do(t.Context(), []stock.Request{future})[0].Result)
	var asked []string
	down := errors.New("down")
	sweeper := &ledger.Sweeper{Ledger: l, Grace: time.Hour, Outcomes: func(_ context.Context, ids []string) (map[string]ledger.Outcome, error) {
		asked = ids
		return map[string]ledger.Outcome{"open": ledger.Open, "confirmed": ledger.Confirmed, "cancelled": ledger.Cancelled, "none": ledger.Absent}, down
	}}
	require.NoError(t, sweeper.Sweep(t.Context()))
	require.Empty(t, asked, "holds younger than the grace are left alone")
	sweeper.Grace = 0
	require.ErrorIs(t, sweeper.Sweep(t.Context()), down)
	require.Equal(t, []string{"cancelled", "confirmed", "none", "open", "silent"}, asked)
	s := of(t, l, "ant")
	require.Len(t, s.Holds, 3)
	require.Contains(t, s.Holds, "open")
	require.Contains(t, s.Holds, "silent")
	require.Contains(t, s.Holds, "not expired")
	require.EqualValues(t, 1, s.Sold)
	reservations, err := l.Reservations(t.Context(), []string{"confirmed", "cancelled", "none", "unheard of"})
	require.NoError(t, err)
	states := []stock.State{}
	for _, r := range reservations {
		states = append(states, r.State)
	}
	require.Equal(t, []stock.State{stock.Settled, stock.Released, stock.Released, stock.None}, states)
}
