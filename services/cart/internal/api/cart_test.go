package api_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sidecart/sidecart/contracts/contracttest"
	"github.com/sidecart/sidecart/services/internal/problem"
)

func TestRoutesAreThoseOfTheContract(t *testing.T) {
	contracttest.Routes(t, "cart", newShop(t).router)
}

func TestACartIsFilledAndEmptied(t *testing.T) {
	s := newShop(t)
	empty := s.cart(ada, http.MethodGet, "/cart", "")
	require.Empty(t, empty.Items)
	first := s.cart(ada, http.MethodPut, "/cart/item?productId="+mug, `{"quantity":2}`)
	require.NotEqual(t, empty.CartID, first.CartID)
	second := s.cart(ada, http.MethodPut, "/cart/item?productId="+tea, `{"quantity":1}`)
	require.Equal(t, first.CartID, second.CartID)
	require.Equal(t, int64(4350), second.Total.Amount)
	require.Equal(t, second, s.cart(ada, http.MethodGet, "/cart", ""))

	require.Empty(t, s.cart(bob, http.MethodGet, "/cart", "").Items, "another customer's cart")
	require.Len(t, s.cart(ada, http.MethodDelete, "/cart/item?productId="+tea, "").Items, 1)
	require.Len(t, s.cart(ada, http.MethodDelete, "/cart/item?productId="+tea, "").Items, 1)
	cleared := s.cart(ada, http.MethodDelete, "/cart", "")
	require.Empty(t, cleared.Items)
	require.Nil(t, cleared.Total)
	require.NotEqual(t, first.CartID, cleared.CartID)
}

func TestBadRequestsAreRefusedWithoutEffect(t *testing.T) {
	s := newShop(t)
	customer := s.bearer(ada, "customer")
	before := s.cart(ada, http.MethodPut, "/cart/item?productId="+mug, `{"quantity":2}`)
	put := http.MethodPut
	item := "/cart/item?productId="
	s.refused(problem.UnknownProduct, "productId", put, item+bob, customer, `{"quantity":1}`)
	s.refused(problem.UnknownProduct, "productId", put, item+"mug", customer, `{"quantity":1}`)
	s.refused(problem.RetiredProduct, "productId", put, item+old, customer, `{"quantity":1}`)
	s.refused(problem.CurrencyMix, "productId", put, item+usd, customer, `{"quantity":1}`)
	s.refused(problem.InvalidParameter, "productId", put, "/cart/item", customer, `{"quantity":1}`)
	s.refused(problem.InvalidParameter, "productId", http.MethodDelete, "/cart/item", customer, "")
	for _, quantity := range []string{"0", "-1", "1000", "1.5", `"2"`} {
		s.refused(problem.Invalid, "quantity", put, item+mug, customer, `{"quantity":`+quantity+`}`)
	}
	s.refused(problem.Invalid, "quantity", put, item+mug, customer, `{}`)
	s.refused(problem.UnknownField, "price", put, item+mug, customer, `{"quantity":1,"price":1}`)
	s.refused(problem.MalformedJSON, "", put, item+mug, customer, `{"quantity":1`)
	s.refused(problem.UnsupportedMediaType, "Content-Type", put, item+mug, customer, "")
	for _, method := range []string{http.MethodGet, http.MethodDelete} {
		s.refused(problem.Unauthenticated, "Authorization", method, "/cart", "", "")
	}
	require.Equal(t, before, s.cart(ada, http.MethodGet, "/cart", ""))

	s.store.Fault = func(string, bool) error { return context.DeadlineExceeded }
	s.refused(problem.Unavailable, "", http.MethodGet, "/cart", customer, "")
}
