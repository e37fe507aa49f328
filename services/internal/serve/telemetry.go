package serve

import (
	"context"
	"fmt"
	"io"
	"log/slog"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	"go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.37.0"
	oteltrace "go.opentelemetry.io/otel/trace"
)

// newLogger writes JSON lines that carry the service and, within a request, its trace id.
// It becomes slog's default, so that code without a logger of its own logs the same way.
func newLogger(id, level string, w io.Writer) (*slog.Logger, error) {
	var least slog.Level
	if err := least.UnmarshalText([]byte(level)); err != nil {
		return nil, fmt.Errorf("LOG_LEVEL: %w", err)
	}
	log := slog.New(traceHandler{slog.NewJSONHandler(w, &slog.HandlerOptions{Level: least})}).With("service", id)
	slog.SetDefault(log)
	return log, nil
}

type traceHandler struct{ slog.Handler }

func (h traceHandler) Handle(ctx context.Context, record slog.Record) error {
	if span := oteltrace.SpanContextFromContext(ctx); span.HasTraceID() {
		record.AddAttrs(slog.String("traceId", span.TraceID().String()))
	}
	return h.Handler.Handle(ctx, record)
}

func (h traceHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return traceHandler{h.Handler.WithAttrs(attrs)}
}

// startTracing gives every request a trace; without an endpoint the ids serve the logs and no span is recorded.
func startTracing(id, endpoint string) (flush func(context.Context) error, err error) {
	otel.SetTextMapPropagator(propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{}))
	options := []trace.TracerProviderOption{trace.WithResource(resource.NewSchemaless(semconv.ServiceName(id)))}
	if endpoint == "" {
		options = append(options, trace.WithSampler(trace.NeverSample()))
	} else {
		exporter, err := otlptracegrpc.New(context.Background())
		if err != nil {
			return nil, fmt.Errorf("tracing: %w", err)
		}
		options = append(options, trace.WithBatcher(exporter))
	}
	provider := trace.NewTracerProvider(options...)
	otel.SetTracerProvider(provider)
	return provider.Shutdown, nil
}
