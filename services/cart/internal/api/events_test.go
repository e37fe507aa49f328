package api_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sidecart/sidecart/contracts/contracttest"
	"github.com/sidecart/sidecart/services/internal/problem"
)

func confirmed(customer, cartID string) string {
	return fmt.Sprintf(`{"specversion":"1.0","id":"1","type":"order.confirmed.v1","source":"/services/order","subject":"o","data":{
		"orderId":"o","customerId":%q,"cartId":%q,"lines":[{"productId":%q,"name":"Enamel mug","quantity":2,"unitPrice":{"amount":1450,"currency":"EUR"}}]}}`, customer, cartID, mug)
}

func product(kind string, version, amount int) string {
	return fmt.Sprintf(`{"specversion":"1.0","id":"1","type":%q,"source":"/services/product","subject":%q,"data":{
		"productId":%q,"version":%d,"name":"Enamel mug","description":"","category":"kitchen","price":{"amount":%d,"currency":"EUR"},"retired":%t}}`,
		kind, mug, mug, version, amount, kind == "product.retired.v1")
}

func TestTheTopicsAreThoseOfTheContract(t *testing.T) {
	for _, topic := range newShop(t).server.Topics() {
		contracttest.Hears(t, "cart", topic.Name, topic.Types, topic.Ignored)
	}
}

func TestAConfirmedOrderIsTakenOutOfItsCartOnce(t *testing.T) {
	s := newShop(t)
	before := s.cart(ada, http.MethodPut, "/cart/item?productId="+mug, `{"quantity":5}`)
	require.Equal(t, "SUCCESS", s.deliver("orders", confirmed(ada, "")))
	require.Equal(t, "SUCCESS", s.deliver("orders", confirmed(ada, bob)))
	require.Equal(t, "SUCCESS", s.deliver("orders", confirmed(bob, before.CartID)))
	require.Equal(t, before, s.cart(ada, http.MethodGet, "/cart", ""))

	s.store.Fault = func(string, bool) error { return context.DeadlineExceeded }
	require.Equal(t, "RETRY", s.deliver("orders", confirmed(ada, before.CartID)))
	s.store.Fault = nil
	for range 2 {
		require.Equal(t, "SUCCESS", s.deliver("orders", confirmed(ada, before.CartID)))
	}
	after := s.cart(ada, http.MethodGet, "/cart", "")
	require.Equal(t, int64(3), after.Items[0].Quantity)
	require.NotEqual(t, before.CartID, after.CartID)
}

func TestPricesFollowTheCatalogueAndNeverGoBack(t *testing.T) {
	s := newShop(t)
	price := func() int64 { return s.cart(ada, http.MethodGet, "/cart", "").Items[0].UnitPrice.Amount }
	s.cart(ada, http.MethodPut, "/cart/item?productId="+mug, `{"quantity":1}`)
	require.Equal(t, "SUCCESS", s.deliver("catalog", product("product.changed.v1", 3, 1600)))
	require.Equal(t, int64(1600), price())
	require.Equal(t, "SUCCESS", s.deliver("catalog", product("product.changed.v1", 2, 1500)))
	require.Equal(t, int64(1600), price())
	require.Equal(t, "SUCCESS", s.deliver("catalog", product("product.retired.v1", 4, 1600)))
	s.refused(problem.RetiredProduct, "productId", http.MethodPut, "/cart/item?productId="+mug, s.bearer(ada, "customer"), `{"quantity":2}`)
	require.Equal(t, "SUCCESS", s.deliver("catalog", product("product.changed.v1", 5, 1700)))
	require.Equal(t, int64(3400), s.cart(ada, http.MethodPut, "/cart/item?productId="+mug, `{"quantity":2}`).Total.Amount)
}

func TestPoisonIsParkedWithItsReason(t *testing.T) {
	s := newShop(t)
	for topic, events := range map[string][]string{
		"catalog": {product("product.changed.v1", 0, 1), product("product.changed.v1", 2, -1), `{"type":"product.changed.v1","data":{"version":"two"}}`},
		"orders":  {confirmed("a||b", mug), `{"type":"order.lost.v1"}`, `"nonsense"`},
	} {
		for _, event := range events {
			before := len(s.letters())
			require.Equal(t, "SUCCESS", s.deliver(topic, event))
			letters := s.letters()
			require.Len(t, letters, before+1, event)
			require.NotEmpty(t, letters[before].Reason)
		}
	}
	for _, known := range []string{"order.awaiting_payment.v1", "order.cancelled.v1"} {
		before := len(s.letters())
		require.Equal(t, "SUCCESS", s.deliver("orders", fmt.Sprintf(`{"type":%q,"data":{}}`, known)))
		require.Len(t, s.letters(), before)
	}
	s.refused(problem.Conflict, "", http.MethodPost, "/dead-letters/replay?id="+s.letters()[0].ID, s.bearer(bob, "admin"), "")
	s.refused(problem.Forbidden, "", http.MethodGet, "/dead-letters", s.bearer(ada, "customer"), "")
}
