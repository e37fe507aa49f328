package store

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/sidecart/sidecart/services/internal/journal"
	"github.com/sidecart/sidecart/services/internal/money"
	"github.com/sidecart/sidecart/services/internal/state"
	"github.com/sidecart/sidecart/services/internal/state/statetest"
	"github.com/sidecart/sidecart/services/orderquery/internal/projection"
)

var placed = time.Date(2026, 1, 15, 9, 30, 0, 0, time.UTC)

const day = "2026-01-15"

// life is what the order service says of one order from its submission to its end.
func life(n int, customer string) []projection.Order {
	order := projection.Order{
		OrderID: uuid.NewSHA1(uuid.NameSpaceOID, []byte(fmt.Sprint(n))).String(), CustomerID: customer, Version: 1, Status: "submitted",
		Lines: []projection.Line{{ProductID: "mug", Name: "Mug", Quantity: 1, UnitPrice: money.Money{Amount: int64(n), Currency: "EUR"}}},
		Total: money.Money{Amount: int64(n), Currency: "EUR"}, PlacedAt: placed.Add(time.Duration(n) * time.Second), UpdatedAt: placed,
	}
	told := []projection.Order{order}
	tell := func(version int64, status, reason string, was bool) {
		order.Version, order.Status, order.Reason, order.WasConfirmed = version, status, reason, was
		told = append(told, order)
	}
	switch n % 4 {
	case 0:
		tell(2, "cancelled", "out_of_stock", false)
	case 1:
		tell(4, "confirmed", "", true)
	case 2:
		tell(3, "awaiting_payment", "", false)
		tell(5, "confirmed", "", true)
	default:
		tell(4, "confirmed", "", true)
		tell(6, "cancelled", "by_customer", true)
	}
	return told
}

// requireRest requires what must be stored once every event of the orders 1 to n has been handled, n/2 for each customer.
func requireRest(t require.TestingT, o *Orders, customers []string, n int) {
	ctx := context.Background()
	want := projection.NewSales(day)
	listed := map[string]int{}
	for _, customer := range customers {
		var before journal.Place
		for {
			page, next, err := o.Newest(ctx, customer, before, 3)
			require.NoError(t, err)
			for _, order := range page {
				require.Equal(t, customer, order.CustomerID)
				listed[order.OrderID]++
			}
			if next == "" {
				break
			}
			require.Len(t, page, 3)
			before = next
		}
	}
	for i := 1; i <= n; i++ {
		told := life(i, customers[i%len(customers)])
		last := told[len(told)-1]
		found, err := o.Find(ctx, []string{last.OrderID})
		require.NoError(t, err)
		require.Equal(t, []projection.Order{last}, found)
		require.Equal(t, 1, listed[last.OrderID], "order %d is listed %d times", i, listed[last.OrderID])
		require.NoError(t, want.Add(last))
	}
	require.Len(t, listed, n)
	sales, err := o.Sales(ctx, day)
	require.NoError(t, err)
	require.Equal(t, want, sales)
}

// Events in any order, any batches and any number, while writes fail before and after they
// took place: the end is the same, and no order ever goes back.
func TestApplyConverges(t *testing.T) {
	customers := []string{uuid.NewString(), uuid.NewString()}
	rapid.Check(t, func(t *rapid.T) {
		docs := statetest.NewMemory()
		o := NewOrders(docs)
		const n = 8
		var queue []projection.Order
		for i := 1; i <= n; i++ {
			queue = append(queue, life(i, customers[i%2])...)
		}
		queue = append(queue, rapid.SliceOfN(rapid.SampledFrom(queue), 0, 10).Draw(t, "repeated")...)
		queue = rapid.Permutation(queue).Draw(t, "queue")
		faults := rapid.IntRange(0, 12).Draw(t, "faults")
		docs.Fault = func(key string, applied bool) error {
			if key != "" && faults > 0 && rapid.Bool().Draw(t, "fails") {
				faults--
				return errors.New("injected")
			}
			return nil
		}
		version := map[string]int64{}
		for len(queue) > 0 {
			size := rapid.IntRange(1, len(queue)).Draw(t, "batch")
			batch := queue[:size]
			queue = queue[size:]
			for i, err := range o.Apply(context.Background(), batch) {
				if err != nil {
					require.ErrorIs(t, err, state.ErrUnavailable)
					queue = append(queue, batch[i])
				}
			}
			for i := 1; i <= n; i++ {
				id := life(i, "")[0].OrderID
				found, err := o.Find(context.Background(), []string{id})
				require.NoError(t, err)
				if len(found) == 1 {
					require.GreaterOrEqual(t, found[0].Version, version[id])
					version[id] = found[0].Version
				}
			}
		}
		requireRest(t, o, customers, n)
	})
}

// The process dies at each write of a batch in turn, before and after it took place; a new
// one gets the whole batch again.
func TestCrashAtEveryWrite(t *testing.T) {
	customers := []string{uuid.NewString(), uuid.NewString()}
	var batch []projection.Order
	for i := 1; i <= 8; i++ {
		batch = append(batch, life(i, customers[i%2])...)
	}
	for crash, died := 1, true; died; crash++ {
		docs := statetest.NewMemory()
		steps := 0
		docs.Fault = func(key string, applied bool) error {
			if key != "" {
				steps++
			}
			if steps >= crash {
				return errors.New("the process is dead")
			}
			return nil
		}
		// In two parts, so that entries are both created and changed.
		died = errors.Join(NewOrders(docs).Apply(t.Context(), batch[:11])...) != nil
		died = errors.Join(NewOrders(docs).Apply(t.Context(), batch)...) != nil || died
		docs.Fault = nil
		require.NoError(t, errors.Join(NewOrders(docs).Apply(t.Context(), batch)...))
		requireRest(t, NewOrders(docs), customers, 8)
	}
}

// The process dies between listing an order and writing its entry; when the event comes again
// the list has gone on to other pages, so the order is listed twice. It shows and counts once.
func TestListedTwice(t *testing.T) {
	customers := []string{uuid.NewString()}
	docs := statetest.NewMemory()
	o := NewOrders(docs)
	apply := func(from, to int) {
		for i := from; i <= to; i++ {
			require.NoError(t, errors.Join(o.Apply(t.Context(), life(i, customers[0]))...))
		}
	}
	const n = 2*journal.PerPage + 50
	apply(2, journal.PerPage+10)
	confirmed := life(1, customers[0])[1]
	docs.Fault = func(key string, applied bool) error {
		if key == entryKey(confirmed.OrderID) {
			return errors.New("the process is dead")
		}
		return nil
	}
	require.Error(t, o.Apply(t.Context(), []projection.Order{confirmed})[0])
	docs.Fault = nil
	apply(journal.PerPage+11, n)
	require.NoError(t, o.Apply(t.Context(), []projection.Order{confirmed})[0])
	listings := 0
	require.NoError(t, o.lists.All(t.Context(), customerList(customers[0]), func(_ int64, ids []string) error {
		for _, id := range ids {
			if id == confirmed.OrderID {
				listings++
			}
		}
		return nil
	}))
	require.Equal(t, 2, listings)
	requireRest(t, o, customers, n)
}

// An event that comes again writes nothing.
func TestRepetitionWritesNothing(t *testing.T) {
	docs := statetest.NewMemory()
	o := NewOrders(docs)
	events := append(life(3, uuid.NewString()), life(6, uuid.NewString())...)
	require.NoError(t, errors.Join(o.Apply(t.Context(), events)...))
	docs.Fault = func(key string, applied bool) error {
		if key != "" {
			return fmt.Errorf("%s was written", key)
		}
		return nil
	}
	require.NoError(t, errors.Join(o.Apply(t.Context(), events)...))
}

// Two replicas handle the same orders at the same time.
func TestReplicas(t *testing.T) {
	customers := []string{uuid.NewString()}
	docs := statetest.NewMemory()
	done := make(chan error)
	for replica := range uint64(2) {
		go func() {
			o, random := NewOrders(docs), rand.New(rand.NewPCG(1, replica))
			var errs []error
			for i := 1; i <= 40; i += 8 {
				var batch []projection.Order
				for j := i; j < i+8; j++ {
					batch = append(batch, life(j, customers[0])...)
				}
				random.Shuffle(len(batch), func(a, b int) { batch[a], batch[b] = batch[b], batch[a] })
				errs = append(errs, o.Apply(context.Background(), batch)...)
			}
			done <- errors.Join(errs...)
		}()
	}
	require.NoError(t, errors.Join(<-done, <-done))
	requireRest(t, NewOrders(docs), customers, 40)
}

// Pages put together are the whole list, newest first, also while orders come in between.
func TestNewest(t *testing.T) {
	o, customer := NewOrders(statetest.NewMemory()), uuid.NewString()
	place := func(from, to int) {
		for i := from; i <= to; i++ {
			require.NoError(t, o.Apply(t.Context(), life(i, customer)[:1])[0])
		}
	}
	place(1, 450)
	var got []int64
	for before := journal.Place(""); ; {
		page, next, err := o.Newest(t.Context(), customer, before, 100)
		require.NoError(t, err)
		for _, order := range page {
			got = append(got, order.Total.Amount)
		}
		if next == "" {
			break
		}
		before = next
		place(450+len(got), 450+len(got))
	}
	require.Len(t, got, 450)
	for i, n := range got {
		require.EqualValues(t, 450-i, n)
	}
	empty, next, err := o.Newest(t.Context(), uuid.NewString(), "", 1)
	require.NoError(t, err)
	require.Empty(t, empty)
	require.Zero(t, next)
}

// A batch of 100 orders of 100 customers costs as many calls as one order does.
func TestBatchOf100(t *testing.T) {
	cost := func(n int) int {
		calls := &statetest.Calls{Store: statetest.NewMemory()}
		o := NewOrders(calls)
		var batch []projection.Order
		for i := 1; i <= n; i++ {
			batch = append(batch, life(4*i+1, uuid.NewString())...)
		}
		require.NoError(t, errors.Join(o.Apply(t.Context(), batch)...))
		sold := calls.N
		sales, err := o.Sales(t.Context(), day)
		require.NoError(t, err)
		require.EqualValues(t, n, sales.Orders)
		return sold
	}
	require.Equal(t, 4, cost(1))
	require.Equal(t, 4, cost(100))
}
