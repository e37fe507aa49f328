package api

import (
	"context"
	"net/http"

	"github.com/sidecart/sidecart/services/internal/problem"
	"github.com/sidecart/sidecart/services/inventory/internal/stock"
)

// receive takes a delivery of a product into stock, once for each Idempotency-Key.
func (s *Server) receive(w http.ResponseWriter, r *http.Request) error {
	id, err := productParameter(r)
	if err != nil {
		return err
	}
	key, err := problem.IdempotencyKey(r)
	if err != nil {
		return err
	}
	var call struct {
		Quantity int64 `json:"quantity"`
	}
	if err := problem.Decode(w, r, &call); err != nil {
		return err
	}
	if call.Quantity < 1 || call.Quantity > maxReceipt {
		return problem.InField(problem.Invalid, "quantity", "must be from 1 to %d", maxReceipt)
	}
	if err := s.open(r.Context(), id); err != nil {
		return err
	}
	answer := s.Ledger.Do(r.Context(), []stock.Request{{
		Kind: stock.Receive, ReceiptID: stock.ReceiptID(id, key), Lines: []stock.Line{{ProductID: id, Quantity: call.Quantity}},
	}})[0]
	switch answer.Result {
	case stock.IsReceived:
		return s.writeStock(w, r, id)
	case stock.Reused:
		return problem.InField(problem.IdempotencyKeyReused, "Idempotency-Key", "was used for another quantity")
	}
	return problem.New(problem.Unavailable, "the stock could not be written for certain: try again with the same Idempotency-Key")
}

// open makes sure that the product has a stock document: the catalogue's word may be here before its event.
func (s *Server) open(ctx context.Context, id string) error {
	_, exists, err := s.Ledger.Stock(ctx, id)
	if err != nil || exists {
		return err
	}
	known, err := s.KnowsProduct(ctx, id)
	if err != nil {
		return err
	}
	if !known {
		return problem.New(problem.NotFound, "no such product")
	}
	return s.Ledger.Open(ctx, []string{id})
}
