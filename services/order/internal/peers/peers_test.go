package peers_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sidecart/sidecart/services/internal/dapr"
	"github.com/sidecart/sidecart/services/internal/problem"
	"github.com/sidecart/sidecart/services/internal/state"
	"github.com/sidecart/sidecart/services/order/internal/order"
	"github.com/sidecart/sidecart/services/order/internal/peers"
	"github.com/sidecart/sidecart/services/order/internal/saga"
)

// picky is a payment service that takes no call with the order "bad" in it.
type picky struct{ calls int }

func (p *picky) Invoke(_ context.Context, call dapr.Call) error {
	p.calls++
	raw, err := json.Marshal(call.In)
	if err != nil {
		return err
	}
	var in struct{ OrderIDs []string }
	if err := json.Unmarshal(raw, &in); err != nil {
		return err
	}
	results := []map[string]string{}
	for _, id := range in.OrderIDs {
		switch id {
		case "bad":
			return problem.New(problem.Invalid, "not that one")
		case "down":
			return state.ErrUnavailable
		}
		results = append(results, map[string]string{"orderId": id, "result": "cancelled"})
	}
	raw, err = json.Marshal(map[string]any{"results": results})
	if err != nil {
		return err
	}
	return json.Unmarshal(raw, call.Out)
}

func TestAnOrderThatIsRefusedDoesNotStopTheOthers(t *testing.T) {
	var orders []order.Order
	for n := range 99 {
		orders = append(orders, order.Order{Submission: order.Submission{OrderID: fmt.Sprint(n)}})
	}
	service := &picky{}
	undo := func(more string) map[string]saga.Result {
		return peers.Payment{Invoker: service}.Undo(t.Context(), append(orders, order.Order{Submission: order.Submission{OrderID: more}}))
	}
	results := undo("bad")
	require.Len(t, results, 99)
	require.Equal(t, saga.Done, results["7"].Outcome)
	require.Equal(t, saga.Unknown, results["bad"].Outcome)
	require.Less(t, service.calls, 20)

	service.calls = 0
	require.Empty(t, undo("down"))
	require.Equal(t, 1, service.calls, "a service that does not answer is not asked in parts")
}
