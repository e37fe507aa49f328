package api

import (
	"context"
	"fmt"
	"net/http"
	"time"
	"unicode/utf8"

	"github.com/sidecart/sidecart/services/internal/money"
	"github.com/sidecart/sidecart/services/internal/problem"
	"github.com/sidecart/sidecart/services/payment/internal/payment"
)

// patience bounds a batch: a caller has long given up then, and what was read is too old to be acted on.
const patience = 10 * time.Second

type authoriseRequest struct {
	Payments []authorisation `json:"payments"`
}

type authorisation struct {
	OrderID    string      `json:"orderId"`
	CustomerID string      `json:"customerId"`
	Amount     money.Money `json:"amount"`
	Token      string      `json:"token"`
}

type authoriseResult struct {
	OrderID string `json:"orderId"`
	// Result: authorised, declined, pending, or unknown: ask again.
	Result    string `json:"result"`
	PaymentID string `json:"paymentId,omitempty"`
}

func (a authorisation) check(field string) error {
	if err := checkID(field+".orderId", a.OrderID); err != nil {
		return err
	}
	if err := checkID(field+".customerId", a.CustomerID); err != nil {
		return err
	}
	if !a.Amount.Valid() || a.Amount.Amount == 0 {
		return problem.InField(problem.Invalid, field+".amount", "must be positive minor units and a currency of three capital letters")
	}
	// In characters, as the contracts say and the order service counts: a token that passed there must not fail here, as it would take its whole batch along.
	if n := utf8.RuneCountInString(a.Token); n < 1 || n > 255 {
		return problem.InField(problem.Invalid, field+".token", "must have 1 to 255 characters")
	}
	return nil
}

// authorise answers one result for each payment of the request, in its order.
func (s *Server) authorise(w http.ResponseWriter, r *http.Request) error {
	var in authoriseRequest
	if err := problem.Decode(w, r, &in); err != nil {
		return err
	}
	if err := checkCount("payments", len(in.Payments), maxBatch); err != nil {
		return err
	}
	// An order that is named twice is asked for once.
	var requests []payment.Request
	place := map[string]int{}
	for i, p := range in.Payments {
		if err := p.check(fmt.Sprintf("payments[%d]", i)); err != nil {
			return err
		}
		if _, twice := place[p.OrderID]; !twice {
			place[p.OrderID] = len(requests)
			requests = append(requests, payment.Request{OrderID: p.OrderID, CustomerID: p.CustomerID, Amount: p.Amount, Token: p.Token})
		}
	}
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	payments, errs := s.Cashier.Authorise(ctx, requests)
	results := make([]authoriseResult, len(in.Payments))
	for i, asked := range in.Payments {
		n := place[asked.OrderID]
		results[i] = s.result(ctx, asked, payments[n], errs[n])
	}
	return problem.WriteJSON(w, http.StatusOK, map[string]any{"results": results})
}

func (s *Server) result(ctx context.Context, asked authorisation, p payment.Payment, err error) authoriseResult {
	if err != nil {
		s.Log.WarnContext(ctx, "authorisation is unknown", "orderId", asked.OrderID, "error", err)
		return authoriseResult{OrderID: asked.OrderID, Result: "unknown"}
	}
	decision := p.Decision()
	if p.Disagrees(asked.Amount) {
		decision = payment.Declined
	}
	return authoriseResult{OrderID: asked.OrderID, Result: string(decision), PaymentID: p.ID}
}
