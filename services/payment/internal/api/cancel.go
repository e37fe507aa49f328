package api

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"github.com/sidecart/sidecart/services/internal/problem"
)

type orderIDs struct {
	OrderIDs []string `json:"orderIds"`
}

// decode reads a request for some orders and drops those that are named twice.
func (ids *orderIDs) decode(w http.ResponseWriter, r *http.Request, most int) error {
	if err := problem.Decode(w, r, ids); err != nil {
		return err
	}
	if err := checkCount("orderIds", len(ids.OrderIDs), most); err != nil {
		return err
	}
	for i, id := range ids.OrderIDs {
		if err := checkID(fmt.Sprintf("orderIds[%d]", i), id); err != nil {
			return err
		}
	}
	slices.Sort(ids.OrderIDs)
	ids.OrderIDs = slices.Compact(ids.OrderIDs)
	return nil
}

type cancelResult struct {
	OrderID string `json:"orderId"`
	// Result: cancelled, or unknown: ask again.
	Result string `json:"result"`
}

func (s *Server) cancel(w http.ResponseWriter, r *http.Request) error {
	var in orderIDs
	if err := in.decode(w, r, maxBatch); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	results := make([]cancelResult, len(in.OrderIDs))
	for i, err := range s.Cashier.Cancel(ctx, in.OrderIDs) {
		results[i] = cancelResult{in.OrderIDs[i], "cancelled"}
		if err != nil {
			s.Log.WarnContext(ctx, "cancellation is unknown", "orderId", in.OrderIDs[i], "error", err)
			results[i].Result = "unknown"
		}
	}
	return problem.WriteJSON(w, http.StatusOK, map[string]any{"results": results})
}
