// Package orders asks the order service.
package orders

import (
	"context"
	"net/http"
	"time"

	"github.com/sidecart/sidecart/services/internal/dapr"
)

// perCall bounds one question.
const perCall = 200

// Service is the order service, behind the sidecars.
type Service struct{ sidecar *dapr.Client }

// New asks through the sidecar.
func New(sidecar *dapr.Client) *Service { return &Service{sidecar} }

type question struct {
	OrderIDs []string `json:"orderIds"`
}

type answer struct {
	Outcomes []struct {
		OrderID string `json:"orderId"`
		Outcome string `json:"outcome"`
	} `json:"outcomes"`
}

// Outcomes implements cashier.Orders.
func (s *Service) Outcomes(ctx context.Context, orderIDs []string) (map[string]string, error) {
	outcomes := make(map[string]string, len(orderIDs))
	for from := 0; from < len(orderIDs); from += perCall {
		if err := s.ask(ctx, orderIDs[from:min(from+perCall, len(orderIDs))], outcomes); err != nil {
			return nil, err
		}
	}
	return outcomes, nil
}

func (s *Service) ask(ctx context.Context, orderIDs []string, outcomes map[string]string) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	var out answer
	err := s.sidecar.Invoke(ctx, dapr.Call{
		App: "order", Method: http.MethodPost, Path: "/orders/outcomes", In: question{orderIDs}, Out: &out,
	})
	for _, o := range out.Outcomes {
		outcomes[o.OrderID] = o.Outcome
	}
	return err
}
