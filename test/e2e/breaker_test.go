package e2e

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/sidecart/sidecart/test/client"
)

// While a participant is away its breaker opens, so that batches do not wait for it; it closes
// when the participant is back, and the orders go on.
func TestTheCircuitBreakerOpensAndCloses(t *testing.T) {
	s := running
	c, p := s.customer(t), s.product(t, 100, 10)
	ctx := within(t, 2*time.Minute)
	require.NoError(t, s.Kill9("inventory"))
	o, err := c.PlaceOrder(ctx, uuid.NewString(), purchase("tok_ok", one(p, 1)), 0)
	require.NoError(t, err, "an order is accepted whatever is away")
	require.Eventually(t, func() bool { return s.breaker(t, "open") > 0 }, 60*time.Second, 200*time.Millisecond)
	require.NoError(t, s.StartApp("inventory"))
	final, err := c.WaitFinal(ctx, o.ID)
	require.NoError(t, err)
	require.Equal(t, client.Confirmed, final.Status)
	require.Positive(t, s.breaker(t, "closed"))
	s.checkBooks(t)
}

// breaker is how often the order service's sidecar says that its breaker for inventory came into a state.
func (s *shop) breaker(t *testing.T, state string) int {
	req, err := http.NewRequestWithContext(within(t, 10*time.Second), http.MethodGet, s.MetricsURL("order")+"/metrics", nil)
	require.NoError(t, err)
	res, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	seen := 0
	for line := range strings.Lines(string(body)) {
		if strings.HasPrefix(line, "dapr_resiliency_") && strings.Contains(line, `policy="circuitbreaker"`) &&
			strings.Contains(line, `target="app_inventory`) && strings.Contains(line, `status="`+state+`"`) && !strings.HasSuffix(line, " 0\n") {
			seen++
		}
	}
	return seen
}
