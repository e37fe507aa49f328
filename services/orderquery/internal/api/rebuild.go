package api

import (
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/sidecart/sidecart/services/internal/problem"
	"github.com/sidecart/sidecart/services/orderquery/internal/projection"
)

// rebuildTime is how long one call goes on to further pages: sidecars cut an invocation off after 5 s.
const rebuildTime = 2 * time.Second

// rebuild applies the order service's streams as if they were events: idempotent, and safe
// beside live ones. What time did not suffice for is left to a call with page=nextPage.
func (s *Server) rebuild(w http.ResponseWriter, r *http.Request) error {
	page := int64(1)
	if text := r.URL.Query().Get("page"); text != "" {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < 1 {
			return problem.InField(problem.InvalidParameter, "page", "must be a number from 1")
		}
		page = n
	}
	answer := struct {
		Orders   int   `json:"orders"`
		NextPage int64 `json:"nextPage"`
	}{}
	for start := time.Now(); ; {
		read, err := s.Streams.Page(r.Context(), page)
		if err != nil {
			return err
		}
		var orders []projection.Order
		for _, stream := range read.Orders {
			order := stream.Snapshot()
			if err := order.Valid(); err != nil {
				// A stream that cannot be read needs an operator; the others do not wait for that.
				slog.ErrorContext(r.Context(), "order cannot be rebuilt", "order", order.OrderID, "error", err)
				continue
			}
			orders = append(orders, order)
		}
		if err := errors.Join(s.Orders.Apply(r.Context(), orders)...); err != nil {
			return err
		}
		answer.Orders += len(orders)
		if page = read.Next; page == 0 || time.Since(start) > rebuildTime {
			answer.NextPage = page
			return problem.WriteJSON(w, http.StatusOK, answer)
		}
	}
}
