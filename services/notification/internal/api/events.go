package api

import (
	"context"
	"fmt"

	"github.com/sidecart/sidecart/services/internal/event"
	"github.com/sidecart/sidecart/services/internal/state"
	"github.com/sidecart/sidecart/services/internal/subscribe"
	"github.com/sidecart/sidecart/services/notification/internal/message"
)

// Topics are what the service hears.
func (s *Server) Topics() []subscribe.Topic {
	return []subscribe.Topic{
		{
			Name: "orders", Types: []string{message.OrderConfirmedV1, message.OrderCancelledV1}, Ignored: []string{message.AwaitingPaymentV1},
			Handle: s.tell(ofOrder),
		},
		{Name: "users", Types: []string{message.UserRegisteredV1}, Handle: s.tell(ofUser)},
	}
}

// tell makes a handler of a function that writes the notes of one event.
func (s *Server) tell(write func(event.Event, []string) ([]message.Note, error)) func(context.Context, []event.Event) []error {
	return func(ctx context.Context, events []event.Event) []error {
		errs := make([]error, len(events))
		channels := s.channels.Load()
		if channels == nil {
			for i := range errs {
				errs[i] = fmt.Errorf("%w: the channels are not known yet", state.ErrUnavailable)
			}
			return errs
		}
		var notes []message.Note
		var of []int
		for i, e := range events {
			written, err := write(e, *channels)
			errs[i] = err
			for _, note := range written {
				notes, of = append(notes, note), append(of, i)
			}
		}
		for i, err := range s.Notes.Keep(ctx, notes) {
			if err != nil {
				errs[of[i]] = err
			}
		}
		return errs
	}
}

func ofOrder(e event.Event, channels []string) ([]message.Note, error) {
	order, err := event.Data[message.Order](e)
	if err != nil {
		return nil, err
	}
	if err := order.Valid(); err != nil {
		return nil, event.Poison("data of %s: %w", e.Type, err)
	}
	kind := message.OrderConfirmed
	if e.Type == message.OrderCancelledV1 {
		kind = message.OrderCancelled
	}
	return message.OfOrder(kind, order, channels), nil
}

func ofUser(e event.Event, channels []string) ([]message.Note, error) {
	user, err := event.Data[message.User](e)
	if err != nil {
		return nil, err
	}
	if err := user.Valid(); err != nil {
		return nil, event.Poison("data of %s: %w", e.Type, err)
	}
	return message.OfUser(user, e.Time, channels), nil
}
