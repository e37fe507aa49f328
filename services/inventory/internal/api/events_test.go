package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// deliver sends events as the sidecar does, in bulk, and answers their statuses.
func (s *service) deliver(topic string, events ...string) []string {
	s.t.Helper()
	entries := make([]string, len(events))
	for i, e := range events {
		entries[i] = fmt.Sprintf(`{"entryId":"%d","event":%s}`, i, e)
	}
	w := httptest.NewRecorder()
	s.router.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/events/"+topic, strings.NewReader(`{"entries":[`+strings.Join(entries, ",")+`]}`)))
	require.Equal(s.t, http.StatusOK, w.Code)
	var answer struct {
		Statuses []struct{ EntryID, Status string }
	}
	require.NoError(s.t, json.Unmarshal(w.Body.Bytes(), &answer))
	require.Len(s.t, answer.Statuses, len(events))
	statuses := make([]string, len(events))
	for i, status := range answer.Statuses {
		require.Equal(s.t, fmt.Sprint(i), status.EntryID)
		statuses[i] = status.Status
	}
	return statuses
}

func (s *service) parked() []any {
	s.t.Helper()
	return s.call(200, http.MethodGet, "/dead-letters", "")["items"].([]any)
}

func cloudEvent(kind, subject, data string) string {
	return fmt.Sprintf(`{"specversion":"1.0","id":"e","type":%q,"source":"/services/test","subject":%q,"datacontenttype":"application/json","data":%s}`, kind, subject, data)
}

func confirmed(order, product string) string {
	return cloudEvent("order.confirmed.v1", order, fmt.Sprintf(`{"orderId":%q,"customerId":"c","version":3,"status":"confirmed",
		"lines":[{"productId":%q,"name":"Ant","quantity":1,"unitPrice":{"amount":100,"currency":"EUR"}}]}`, order, product))
}

func created(product string) string {
	return cloudEvent("product.created.v1", product, fmt.Sprintf(`{"productId":%q,"version":1,"name":"Ant"}`, product))
}

func TestANewProductHasItsStock(t *testing.T) {
	s := newService(t)
	require.Equal(t, []string{"SUCCESS", "SUCCESS", "SUCCESS"}, s.deliver("catalog", created("ant"), created("ant"), created("bee")))
	require.Equal(t, []string{"SUCCESS"}, s.deliver("catalog", created("ant")))
	require.Equal(t, 0.0, s.call(200, http.MethodGet, "/stock?productId=bee", "")["onHand"])
	require.Len(t, s.call(200, http.MethodGet, "/stock/list?page=1", "")["items"], 2)
	require.Equal(t, []string{"SUCCESS", "SUCCESS"}, s.deliver("catalog", cloudEvent("product.changed.v1", "cow", `{}`), cloudEvent("product.retired.v1", "cow", `{}`)))
	require.Empty(t, s.parked())
}

func TestConfirmedOrdersAreSoldOnce(t *testing.T) {
	s := newService(t)
	s.receive("ant", "k1", 5)
	require.Equal(t, "reserved", s.result("/reservations", "o1", oneAnt))
	require.Equal(t, "reserved", s.result("/reservations", "o2", oneAnt))
	require.Equal(t, []string{"SUCCESS", "SUCCESS", "SUCCESS", "SUCCESS"}, s.deliver("orders",
		confirmed("o1", "ant"), confirmed("o1", "ant"), confirmed("o2", "ant"), cloudEvent("order.cancelled.v1", "o1", `{}`)))
	require.Equal(t, []string{"SUCCESS"}, s.deliver("orders", confirmed("o1", "ant")))
	item := s.call(200, http.MethodGet, "/stock/list?page=1", "")["items"].([]any)[0].(map[string]any)
	require.Equal(t, []any{3.0, 2.0, 0.0}, []any{item["onHand"], item["sold"], item["held"]})
}

// TestPoisonIsParked: with its reason, and beside it the others are handled.
func TestPoisonIsParked(t *testing.T) {
	s := newService(t)
	s.receive("ant", "k1", 5)
	require.Equal(t, "reserved", s.result("/reservations", "o1", oneAnt))
	require.Equal(t, []string{"SUCCESS", "SUCCESS", "SUCCESS", "SUCCESS", "SUCCESS"}, s.deliver("orders",
		confirmed("never reserved", "ant"), confirmed("stranger", "ant"), confirmed("o1", "ant"),
		cloudEvent("order.confirmed.v1", "o3", `{"orderId":"o3","lines":[]}`), cloudEvent("order.eaten.v1", "o3", `{}`)))
	require.Equal(t, []string{"SUCCESS", "SUCCESS"}, s.deliver("catalog", created("a||b"), `"rubbish"`))
	require.Len(t, s.parked(), 6)
	require.Equal(t, 4.0, s.call(200, http.MethodGet, "/stock?productId=ant", "")["onHand"])

	// An operator replays the one that can be handled by now.
	require.Equal(t, "reserved", s.result("/reservations", "stranger", oneAnt))
	replayed := 0
	for _, letter := range s.parked() {
		if letter := letter.(map[string]any); strings.Contains(letter["reason"].(string), "stranger") {
			s.call(200, http.MethodPost, "/dead-letters/replay?id="+letter["id"].(string), "")
			replayed++
		} else {
			s.call(409, http.MethodPost, "/dead-letters/replay?id="+letter["id"].(string), "")
		}
	}
	require.Equal(t, 1, replayed)
	require.Len(t, s.parked(), 5)
	require.Equal(t, 3.0, s.call(200, http.MethodGet, "/stock?productId=ant", "")["onHand"])
}
