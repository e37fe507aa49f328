// Package event is the CloudEvents 1.0 envelope that services send to each other.
package event

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"go.opentelemetry.io/otel/propagation"
)

// Event is a CloudEvent in its JSON format.
type Event struct {
	SpecVersion string          `json:"specversion"`
	ID          string          `json:"id"`
	Type        string          `json:"type"`
	Source      string          `json:"source"`
	Subject     string          `json:"subject"`
	Time        time.Time       `json:"time"`
	ContentType string          `json:"datacontenttype"`
	TraceParent string          `json:"traceparent,omitempty"`
	Data        json.RawMessage `json:"data"`
}

// New makes the event of one aggregate's version. Its id follows from type, subject and
// version, so that a handler that runs again publishes the very same event (DESIGN R2).
func New(source, kind, subject string, version int64, at time.Time, data any) (Event, error) {
	raw, err := json.Marshal(data)
	if err != nil {
		return Event{}, fmt.Errorf("event %s: %w", kind, err)
	}
	id := uuid.NewSHA1(uuid.NameSpaceURL, fmt.Appendf(nil, "%s/%s/%d", kind, subject, version))
	return Event{
		SpecVersion: "1.0", ID: id.String(), Type: kind, Source: "/services/" + source, Subject: subject,
		Time: at.UTC(), ContentType: "application/json", Data: raw,
	}, nil
}

// Inject writes the context's trace into the event (CloudEvents distributed tracing extension).
func (e Event) Inject(ctx context.Context) Event {
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, carrier)
	e.TraceParent = carrier["traceparent"]
	return e
}

// Extract continues the trace that the event carries.
func (e Event) Extract(ctx context.Context) context.Context {
	return propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier{"traceparent": e.TraceParent})
}

// ErrPoison marks an event that can never be handled. It is parked with its reason, not retried.
var ErrPoison = errors.New("poison")

// Poison says why an event can never be handled.
func Poison(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrPoison, fmt.Errorf(format, args...))
}

// Data decodes the event's data; what does not decode is poison.
func Data[T any](e Event) (T, error) {
	var data T
	if err := json.Unmarshal(e.Data, &data); err != nil {
		return data, Poison("data of %s: %w", e.Type, err)
	}
	return data, nil
}
