package peers

import (
	"context"

	"github.com/sidecart/sidecart/services/internal/money"
	"github.com/sidecart/sidecart/services/order/internal/order"
	"github.com/sidecart/sidecart/services/order/internal/saga"
)

// Payment is the payment's part in the saga: authorise, and void or refund.
type Payment struct{ Invoker Invoker }

type authorisation struct {
	OrderID    string      `json:"orderId"`
	CustomerID string      `json:"customerId"`
	Amount     money.Money `json:"amount"`
	Token      string      `json:"token"`
}

type paymentAnswer struct {
	Results []struct {
		OrderID   string `json:"orderId"`
		Result    string `json:"result"`
		PaymentID string `json:"paymentId"`
	} `json:"results"`
}

var paymentOutcomes = map[string]saga.Outcome{
	"authorised": saga.Done, "declined": saga.Refused, "pending": saga.Pending, "cancelled": saga.Done,
}

// Do authorises each order's total.
func (p Payment) Do(ctx context.Context, orders []order.Order) map[string]saga.Result {
	return apart(orders, func(orders []order.Order) (map[string]saga.Result, bool) {
		request := struct {
			Payments []authorisation `json:"payments"`
		}{make([]authorisation, len(orders))}
		for i, o := range orders {
			request.Payments[i] = authorisation{o.OrderID, o.CustomerID, o.Total, o.PaymentToken}
		}
		return p.call(ctx, "/payments/authorise", request)
	})
}

// Undo voids an authorisation or refunds what was captured.
func (p Payment) Undo(ctx context.Context, orders []order.Order) map[string]saga.Result {
	return apart(orders, func(orders []order.Order) (map[string]saga.Result, bool) {
		request := struct {
			OrderIDs []string `json:"orderIds"`
		}{make([]string, len(orders))}
		for i, o := range orders {
			request.OrderIDs[i] = o.OrderID
		}
		return p.call(ctx, "/payments/cancel", request)
	})
}

func (p Payment) call(ctx context.Context, path string, request any) (map[string]saga.Result, bool) {
	answer, refused := batch[paymentAnswer](ctx, p.Invoker, "payment", path, request)
	results := map[string]saga.Result{}
	for _, r := range answer.Results {
		results[r.OrderID] = saga.Result{Outcome: paymentOutcomes[r.Result], PaymentID: r.PaymentID}
	}
	return results, refused
}
