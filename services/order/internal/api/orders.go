package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/sidecart/sidecart/services/internal/problem"
	"github.com/sidecart/sidecart/services/internal/state"
	"github.com/sidecart/sidecart/services/order/internal/order"
	"github.com/sidecart/sidecart/services/order/internal/store"
)

func (s *Server) getOrder(w http.ResponseWriter, r *http.Request) error {
	l, err := s.own(r)
	if err != nil {
		return err
	}
	return problem.WriteJSON(w, http.StatusOK, present(l.Order))
}

// getHistory answers the order's stream, without what only the service needs.
func (s *Server) getHistory(w http.ResponseWriter, r *http.Request) error {
	l, err := s.own(r)
	if err != nil {
		return err
	}
	events, err := shown(l.Stream)
	if err != nil {
		return err
	}
	return problem.WriteJSON(w, http.StatusOK, map[string]any{"orderId": l.ID, "events": events})
}

// shown is the stream without payment token and fingerprint.
func shown(stream order.Stream) (order.Stream, error) {
	return redact(stream, func(s *order.Submission) { s.PaymentToken, s.Fingerprint = "", "" })
}

// redact is the stream with its submission changed.
func redact(stream order.Stream, change func(*order.Submission)) (order.Stream, error) {
	events := append(order.Stream{}, stream...)
	for i, e := range events {
		if e.Type != order.Submitted {
			continue
		}
		var data order.Submission
		err := json.Unmarshal(e.Data, &data)
		if err != nil {
			return nil, err
		}
		change(&data)
		if events[i].Data, err = json.Marshal(data); err != nil {
			return nil, err
		}
	}
	return events, nil
}

// cancelOrder decides the cancellation and leaves the undoing to the queue.
func (s *Server) cancelOrder(w http.ResponseWriter, r *http.Request) error {
	for try := 0; ; try++ {
		l, err := s.own(r)
		if err != nil {
			return err
		}
		if l.Order.Status == order.StatusCancelled {
			return problem.WriteJSON(w, http.StatusOK, present(l.Order))
		}
		err = s.requestCancellation(r.Context(), l)
		if errors.Is(err, state.ErrConflict) {
			// The saga is at work on the order in this moment.
			err = state.Backoff(r.Context(), try)
			if err == nil {
				continue
			}
		}
		if err != nil {
			return err
		}
		return s.answer(w, r, l.Order)
	}
}

func (s *Server) requestCancellation(ctx context.Context, l *store.Loaded) error {
	if l.Order.Final() {
		// The sweep may have passed the order long ago: it is to find it again.
		if err := s.Streams.Journal.Append(ctx, l.ID); err != nil {
			return err
		}
	}
	if err := l.RequestCancellation(order.ByCustomer, s.Now()); err != nil {
		return err
	}
	if l.Changed() {
		if err := s.Streams.Save(ctx, []*store.Loaded{l})[0]; err != nil {
			return err
		}
	}
	return s.Intake.Resume(ctx, s.Now(), l.ID)
}
