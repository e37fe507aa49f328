package api

import (
	"fmt"
	"net/http"
	"time"

	"github.com/sidecart/sidecart/services/internal/problem"
	"github.com/sidecart/sidecart/services/inventory/internal/stock"
)

// order is an order in a call.
type order struct {
	OrderID string       `json:"orderId"`
	Lines   []stock.Line `json:"lines"`
}

// outcome is the result for one order.
type outcome struct {
	OrderID   string       `json:"orderId"`
	Result    stock.Result `json:"result"`
	ProductID string       `json:"productId,omitempty"`
}

// reserve holds stock for orders, each whole or not at all.
func (s *Server) reserve(w http.ResponseWriter, r *http.Request) error {
	var call struct {
		Orders []struct {
			order
			ExpiresAt time.Time `json:"expiresAt"`
		} `json:"orders"`
	}
	if err := problem.Decode(w, r, &call); err != nil {
		return err
	}
	orders := make([]order, len(call.Orders))
	for i, o := range call.Orders {
		orders[i] = o.order
		if o.ExpiresAt.IsZero() {
			return problem.InField(problem.Invalid, fmt.Sprintf("orders[%d].expiresAt", i), "is required")
		}
	}
	requests, err := requestsFor(stock.Reserve, orders)
	if err != nil {
		return err
	}
	for i := range requests {
		requests[i].ExpiresAt = call.Orders[i].ExpiresAt
	}
	return s.answer(w, r, requests)
}

// release undoes reservations of orders that were never confirmed.
func (s *Server) release(w http.ResponseWriter, r *http.Request) error {
	return s.undo(w, r, stock.Release)
}

// giveBack takes back what confirmed orders bought.
func (s *Server) giveBack(w http.ResponseWriter, r *http.Request) error {
	return s.undo(w, r, stock.Return)
}

func (s *Server) undo(w http.ResponseWriter, r *http.Request, kind stock.Kind) error {
	var call struct {
		Orders []order `json:"orders"`
	}
	if err := problem.Decode(w, r, &call); err != nil {
		return err
	}
	requests, err := requestsFor(kind, call.Orders)
	if err != nil {
		return err
	}
	return s.answer(w, r, requests)
}

func requestsFor(kind stock.Kind, orders []order) ([]stock.Request, error) {
	err := checkIDs("orders", len(orders), func(i int) (string, string) {
		return fmt.Sprintf("orders[%d].orderId", i), orders[i].OrderID
	})
	if err != nil {
		return nil, err
	}
	requests := make([]stock.Request, len(orders))
	for i, o := range orders {
		if err := checkLines(fmt.Sprintf("orders[%d].lines", i), o.Lines); err != nil {
			return nil, err
		}
		requests[i] = stock.Request{Kind: kind, OrderID: o.OrderID, Lines: o.Lines}
	}
	return requests, nil
}

func (s *Server) answer(w http.ResponseWriter, r *http.Request, requests []stock.Request) error {
	results := make([]outcome, len(requests))
	for i, answer := range s.Ledger.Do(r.Context(), requests) {
		if answer.Result == stock.Contradicted {
			// It is in the log. The caller is not to take it for done.
			answer.Result = stock.Unknown
		}
		results[i] = outcome{OrderID: requests[i].OrderID, Result: answer.Result, ProductID: answer.Short}
	}
	return problem.WriteJSON(w, http.StatusOK, map[string]any{"results": results})
}

// promise is what the caller may see of a reservation.
type promise struct {
	OrderID string       `json:"orderId"`
	State   stock.State  `json:"state"`
	Lines   []stock.Line `json:"lines"`
}

// queryReservations tells what has become of orders' reservations.
func (s *Server) queryReservations(w http.ResponseWriter, r *http.Request) error {
	var call struct {
		OrderIDs []string `json:"orderIds"`
	}
	if err := problem.Decode(w, r, &call); err != nil {
		return err
	}
	err := checkIDs("orderIds", len(call.OrderIDs), func(i int) (string, string) {
		return fmt.Sprintf("orderIds[%d]", i), call.OrderIDs[i]
	})
	if err != nil {
		return err
	}
	reservations, err := s.Ledger.Reservations(r.Context(), call.OrderIDs)
	if err != nil {
		return err
	}
	promises := make([]promise, len(reservations))
	for i, known := range reservations {
		promises[i] = promise{OrderID: known.OrderID, State: known.State, Lines: append([]stock.Line{}, known.Lines...)}
	}
	return problem.WriteJSON(w, http.StatusOK, map[string]any{"reservations": promises})
}
