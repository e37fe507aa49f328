package store_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/sidecart/sidecart/services/cart/internal/cart"
	"github.com/sidecart/sidecart/services/cart/internal/store"
	"github.com/sidecart/sidecart/services/internal/money"
	"github.com/sidecart/sidecart/services/internal/state"
	"github.com/sidecart/sidecart/services/internal/state/statetest"
)

var errDown = errors.New("down")

// shelf is a catalogue that counts how often it is asked.
type shelf struct {
	mu       sync.Mutex
	products map[string]cart.Product
	asked    int
	down     bool
}

func (s *shelf) Product(_ context.Context, id string) (cart.Product, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked++
	if s.down {
		return cart.Product{}, false, fmt.Errorf("%w: down", state.ErrUnavailable)
	}
	p, ok := s.products[id]
	return p, ok, nil
}

func mug(version int64) cart.Product {
	return cart.Product{ID: "01890a5d-ac96-774b-bcce-b302099a8101", Version: version, Name: fmt.Sprintf("Mug %d", version), Price: money.Money{Amount: 100 * version, Currency: "EUR"}}
}

func setUp(products ...cart.Product) (*statetest.Memory, *shelf, *store.Carts, *store.Products) {
	memory := statetest.NewMemory()
	known := &shelf{products: map[string]cart.Product{}}
	for _, p := range products {
		known.products[p.ID] = p
	}
	kept := store.NewProducts(memory, known)
	return memory, known, store.NewCarts(memory, kept), kept
}

func TestTheCopyOnlyEverGoesForward(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		_, known, _, products := setUp()
		newest := int64(0)
		for _, version := range rapid.SliceOfN(rapid.Int64Range(1, 9), 1, 20).Draw(t, "versions") {
			require.NoError(t, products.Keep(context.Background(), mug(version)))
			newest = max(newest, version)
			found, err := products.Find(context.Background(), []string{mug(1).ID})
			require.NoError(t, err)
			require.Equal(t, mug(newest), found[mug(1).ID])
		}
		require.Zero(t, known.asked)
	})
}

func TestTheCatalogueIsAskedOnce(t *testing.T) {
	_, known, carts, _ := setUp(mug(3))
	for range 3 {
		view, err := carts.Put(t.Context(), "ada", mug(1).ID, 2)
		require.NoError(t, err)
		require.Equal(t, []cart.Priced{{ProductID: mug(3).ID, Name: "Mug 3", Quantity: 2, UnitPrice: mug(3).Price}}, view.Items)
		require.Equal(t, int64(600), view.Total.Amount)
	}
	require.Equal(t, 1, known.asked)
	known.down = true
	_, err := carts.Get(t.Context(), "ada")
	require.NoError(t, err, "a cart is shown without the catalogue")
	_, err = carts.Put(t.Context(), "ada", uuid.NewString(), 1)
	require.ErrorIs(t, err, state.ErrUnavailable)
	known.down = false
	for _, id := range []string{uuid.NewString(), "mug", "{" + mug(1).ID + "}", "a||b"} {
		_, err = carts.Put(t.Context(), "ada", id, 1)
		require.ErrorIs(t, err, cart.ErrUnknown)
	}
}

func TestACartShowsThePricesOfNow(t *testing.T) {
	_, _, carts, products := setUp(mug(1))
	_, err := carts.Put(t.Context(), "ada", mug(1).ID, 2)
	require.NoError(t, err)
	require.NoError(t, products.Keep(t.Context(), mug(5)))
	view, err := carts.Get(t.Context(), "ada")
	require.NoError(t, err)
	require.Equal(t, mug(5).Price, view.Items[0].UnitPrice)
	require.Equal(t, int64(1000), view.Total.Amount)
}

func TestAnswerThatIsNoProductIsNotKept(t *testing.T) {
	broken := mug(1)
	broken.Price = money.Money{}
	_, known, carts, _ := setUp(broken)
	_, err := carts.Put(t.Context(), "ada", broken.ID, 1)
	require.ErrorIs(t, err, state.ErrUnavailable)
	known.products[broken.ID] = mug(1)
	_, err = carts.Put(t.Context(), "ada", broken.ID, 1)
	require.NoError(t, err)
}

func TestAnEmptyCartHasAnIDThatStays(t *testing.T) {
	_, _, carts, _ := setUp()
	first, err := carts.Get(t.Context(), "ada")
	require.NoError(t, err)
	again, err := carts.Clear(t.Context(), "ada")
	require.NoError(t, err)
	require.Equal(t, first, again)
	other, err := carts.Get(t.Context(), "bob")
	require.NoError(t, err)
	require.NotEqual(t, first.CartID, other.CartID)
	require.NotNil(t, first.Items)
	require.Nil(t, first.Total)
}

// A confirmation is delivered many times, at once and with the process dying before or after
// each write: it is taken out once, and what the customer adds meanwhile stays.
func TestAConfirmationIsTakenOutOnce(t *testing.T) {
	for _, applied := range []bool{false, true} {
		memory, _, carts, _ := setUp(mug(1))
		view, err := carts.Put(t.Context(), "ada", mug(1).ID, 5)
		require.NoError(t, err)
		ordered := []cart.Line{{ProductID: mug(1).ID, Quantity: 2}}

		memory.Fault = func(key string, after bool) error {
			if key != "" && after == applied {
				return errDown
			}
			return nil
		}
		require.ErrorIs(t, carts.Ordered(t.Context(), "ada", view.CartID, ordered), state.ErrUnavailable)
		memory.Fault = nil

		var wg sync.WaitGroup
		errs := make([]error, 8)
		for i := range errs {
			wg.Go(func() { errs[i] = carts.Ordered(t.Context(), "ada", view.CartID, ordered) })
		}
		wg.Wait()
		require.NoError(t, errors.Join(errs...))
		after, err := carts.Get(t.Context(), "ada")
		require.NoError(t, err)
		require.NotEqual(t, view.CartID, after.CartID)
		require.Equal(t, int64(3), after.Items[0].Quantity)
	}
}

func TestParallelChangesAllCount(t *testing.T) {
	var many []cart.Product
	for range 12 {
		p := mug(1)
		p.ID = uuid.NewString()
		many = append(many, p)
	}
	_, _, carts, _ := setUp(many...)
	view, err := carts.Put(t.Context(), "ada", many[0].ID, 1)
	require.NoError(t, err)
	var wg sync.WaitGroup
	errs := make([]error, len(many))
	for i, p := range many[1:] {
		wg.Go(func() { _, errs[i] = carts.Put(t.Context(), "ada", p.ID, 1) })
	}
	wg.Go(func() {
		errs[len(many)-1] = carts.Ordered(t.Context(), "ada", view.CartID, []cart.Line{{ProductID: many[0].ID, Quantity: 1}})
	})
	wg.Wait()
	require.NoError(t, errors.Join(errs...))
	view, err = carts.Get(t.Context(), "ada")
	require.NoError(t, err)
	require.Len(t, view.Items, len(many)-1)
}
