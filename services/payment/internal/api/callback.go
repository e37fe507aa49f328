package api

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/sidecart/sidecart/services/internal/problem"
	"github.com/sidecart/sidecart/services/payment/internal/payment"
)

type callbackRequest struct {
	OrderID string `json:"orderId"`
	Outcome string `json:"outcome"`
}

// callback takes the provider's decision on a pending payment. It answers 2xx only when that is durable.
func (s *Server) callback(w http.ResponseWriter, r *http.Request) error {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, problem.MaxBody))
	if large := (*http.MaxBytesError)(nil); errors.As(err, &large) {
		return problem.New(problem.TooLarge, "the body is larger than %d bytes", large.Limit)
	}
	if err != nil {
		return &problem.Error{Code: problem.MalformedJSON, Detail: "the body ended early", Cause: err}
	}
	if err := s.Webhook.Verify(r.Header, body, time.Now()); err != nil {
		return err
	}
	var in callbackRequest
	r.Body = io.NopCloser(bytes.NewReader(body))
	if err := problem.Decode(w, r, &in); err != nil {
		return err
	}
	if err := checkID("orderId", in.OrderID); err != nil {
		return err
	}
	outcome := payment.State(in.Outcome)
	if outcome != payment.Authorised && outcome != payment.Declined {
		return problem.InField(problem.Invalid, "outcome", "must be authorised or declined")
	}
	// A provider that gives up waiting must not undo half of it.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), patience)
	defer cancel()
	p, err := s.Cashier.Decide(ctx, in.OrderID, payment.Answer{State: outcome})
	if err != nil {
		return err
	}
	if p.State == payment.None {
		return problem.New(problem.NotFound, "no such payment")
	}
	if !p.Agrees(outcome) {
		s.Log.WarnContext(ctx, "callback contradicts what was decided", "orderId", p.OrderID, "state", string(p.State), "outcome", string(outcome))
		return problem.New(problem.Conflict, "the payment is %s", p.State)
	}
	return problem.WriteJSON(w, http.StatusOK, map[string]string{"orderId": p.OrderID, "state": string(p.State)})
}
