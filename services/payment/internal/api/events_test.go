package api_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sidecart/sidecart/services/internal/event"
)

func confirmed(t *testing.T, order string) string {
	t.Helper()
	e, err := event.New("order", "order.confirmed.v1", order, 3, time.Now(), map[string]any{"orderId": order, "unheardOf": 1})
	require.NoError(t, err)
	raw, err := json.Marshal(e)
	require.NoError(t, err)
	return string(raw)
}

// deliver is the sidecar's bulk call; it answers each entry's status.
func (s *service) deliver(t *testing.T, events ...string) (statuses []string) {
	t.Helper()
	for i, e := range events {
		events[i] = fmt.Sprintf(`{"entryId":"%d","event":%s}`, i, e)
	}
	status, answer := s.call(t, "/events/orders", nil, `{"entries":[`+strings.Join(events, ",")+`]}`)
	require.Equal(t, http.StatusOK, status)
	for _, st := range answer["statuses"].([]any) {
		statuses = append(statuses, st.(map[string]any)["status"].(string))
	}
	return statuses
}

func (s *service) parked(t *testing.T) int {
	t.Helper()
	w := httptest.NewRecorder()
	s.router.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/dead-letters", nil))
	var letters struct{ Items []any }
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &letters))
	return len(letters.Items)
}

func TestConfirmedOrdersAreCapturedOnce(t *testing.T) {
	s := newService(t)
	s.authorise(t, item("a", "tok_ok"), item("b", "tok_ok"), item("c", "tok_ok"), item("p", "tok_pending"))
	s.call(t, "/payments/cancel", nil, `{"orderIds":["b"]}`)
	// a twice, b voided before, p and z too early: they come again.
	got := s.deliver(t, confirmed(t, "a"), confirmed(t, "b"), confirmed(t, "z"), confirmed(t, "a"), confirmed(t, "p"), confirmed(t, "c"))
	assert.Equal(t, []string{"SUCCESS", "SUCCESS", "RETRY", "SUCCESS", "RETRY", "SUCCESS"}, got)
	assert.Equal(t, "captured", s.state(t, "a")["state"])
	assert.Equal(t, "voided", s.state(t, "b")["state"])
	assert.Equal(t, "none", s.state(t, "z")["state"])
	assert.Equal(t, "captured", s.state(t, "c")["state"])
	assert.Equal(t, []string{"SUCCESS"}, s.deliver(t, confirmed(t, "a")))
	assert.Equal(t, 2900.0, s.state(t, "a")["captured"])
	assert.Zero(t, s.parked(t))
}

func TestACaptureThatIsNotDurableIsDeliveredAgain(t *testing.T) {
	s := newService(t)
	s.authorise(t, item("a", "tok_ok"), item("b", "tok_ok"))
	s.docs.Fault = func(key string, applied bool) error {
		if key == "payment-a" && !applied {
			return errors.New("down")
		}
		return nil
	}
	assert.Equal(t, []string{"RETRY", "SUCCESS"}, s.deliver(t, confirmed(t, "a"), confirmed(t, "b")))
	s.docs.Fault = nil
	assert.Equal(t, []string{"SUCCESS"}, s.deliver(t, confirmed(t, "a")))
	assert.Equal(t, "captured", s.state(t, "a")["state"])
}

func TestWhatCanNeverBeHandledIsParked(t *testing.T) {
	s := newService(t)
	s.authorise(t, item("d", "tok_declined"))
	got := s.deliver(t, confirmed(t, "d"), `{"type":"order.confirmed.v1","data":{}}`, `{"type":"order.confirmed.v1","data":7}`,
		`{"type":"order.invented.v1"}`, `"nonsense"`, `{"type":"order.cancelled.v1"}`, `{"type":"order.awaiting_payment.v1"}`)
	assert.Equal(t, []string{"SUCCESS", "SUCCESS", "SUCCESS", "SUCCESS", "SUCCESS", "SUCCESS", "SUCCESS"}, got)
	assert.Equal(t, 5, s.parked(t))
}
