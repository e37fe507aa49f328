package api

import (
	"net/http"
	"strconv"

	"github.com/sidecart/sidecart/services/internal/problem"
	"github.com/sidecart/sidecart/services/order/internal/order"
)

// maxOutcomes bounds one question for outcomes.
const maxOutcomes = 500

// outcomes tells inventory and payment what became of orders: only the stream knows. For "none" the order
// never existed, and since its stream is created before anything is reserved for it, it never will.
func (s *Server) outcomes(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		OrderIDs []string `json:"orderIds"`
	}
	if err := problem.Decode(w, r, &body); err != nil {
		return err
	}
	if len(body.OrderIDs) > maxOutcomes {
		return problem.InField(problem.Invalid, "orderIds", "at most %d ids are possible", maxOutcomes)
	}
	loaded, err := s.Streams.Load(r.Context(), body.OrderIDs...)
	if err != nil {
		return err
	}
	type outcome struct {
		OrderID string `json:"orderId"`
		Outcome string `json:"outcome"`
	}
	outcomes := make([]outcome, len(loaded))
	for i, l := range loaded {
		outcomes[i] = outcome{l.ID, "open"}
		switch {
		case l.Broken != nil:
		case !l.Exists():
			outcomes[i].Outcome = "none"
		case l.Order.Final():
			outcomes[i].Outcome = string(l.Order.Status)
		}
	}
	return problem.WriteJSON(w, http.StatusOK, map[string]any{"outcomes": outcomes})
}

// streams answers one page of all orders with their events, for readers that rebuild or check.
// An order can be listed on more than one page.
func (s *Server) streams(w http.ResponseWriter, r *http.Request) error {
	n, err := strconv.ParseInt(r.URL.Query().Get("page"), 10, 64)
	if err != nil || n < 1 {
		return problem.InField(problem.InvalidParameter, "page", "must be a number from 1")
	}
	page, err := s.Streams.Journal.Read(r.Context(), n)
	if err != nil {
		return err
	}
	loaded, err := s.Streams.Load(r.Context(), page.IDs...)
	if err != nil {
		return err
	}
	type entry struct {
		OrderID string       `json:"orderId"`
		Order   *view        `json:"order"`
		Events  order.Stream `json:"events"`
	}
	entries := []entry{}
	seen := map[string]bool{}
	for _, l := range loaded {
		if seen[l.ID] || !l.Exists() {
			continue
		}
		seen[l.ID] = true
		e := entry{OrderID: l.ID}
		if l.Broken == nil {
			o := present(l.Order)
			o.ShippingAddress = nil
			e.Order = &o
			if e.Events, err = anonymous(l.Stream); err != nil {
				return err
			}
		}
		entries = append(entries, e)
	}
	next := int64(0)
	if page.Full() {
		next = n + 1
	}
	return problem.WriteJSON(w, http.StatusOK, map[string]any{"orders": entries, "nextPage": next})
}

// anonymous is the stream without what is personal or the service's own.
func anonymous(stream order.Stream) (order.Stream, error) {
	return redact(stream, func(s *order.Submission) {
		s.PaymentToken, s.Fingerprint, s.ShippingAddress = "", "", order.Address{}
	})
}
