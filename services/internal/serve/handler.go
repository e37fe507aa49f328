package serve

import (
	"crypto/subtle"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/gorilla/mux"
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/sidecart/sidecart/services/internal/problem"
)

// Handler is an HTTP handler that returns what went wrong; it must not have written an answer then.
type Handler func(w http.ResponseWriter, r *http.Request) error

// ServeHTTP implements http.Handler: the error becomes problem+json, its cause goes to the log.
func (h Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	err := h(w, r)
	if err == nil {
		return
	}
	if e := problem.From(err); e.Status() >= 500 {
		slog.ErrorContext(r.Context(), "request failed", "method", r.Method, "path", r.URL.Path, "status", e.Status(), "error", err)
	}
	problem.Write(w, err)
}

// answerWriter remembers the status of the answer.
type answerWriter struct {
	http.ResponseWriter
	status int
}

func (w *answerWriter) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController find the real writer, for flushing.
func (w *answerWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// observe traces, counts and times every request by its route (never by its path, which holds ids; nothing of the
// caller is recorded), and turns a panic into a 500.
func observe(registry *prometheus.Registry) mux.MiddlewareFunc {
	duration := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "http_request_duration_seconds", Help: "Requests by route, method and status.",
		Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
	}, []string{"route", "method", "status"})
	registry.MustRegister(duration)
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			// The router calls this for requests that have a route.
			route, err := mux.CurrentRoute(r).GetPathTemplate()
			if err != nil {
				route = "other"
			}
			answer := &answerWriter{ResponseWriter: w}
			start := time.Now()
			ctx := otel.GetTextMapPropagator().Extract(r.Context(), propagation.HeaderCarrier(r.Header))
			ctx, span := otel.Tracer("serve").Start(ctx, r.Method+" "+route, trace.WithSpanKind(trace.SpanKindServer))
			r = r.WithContext(ctx)
			defer func() {
				if p := recover(); p != nil {
					if p == http.ErrAbortHandler {
						panic(p)
					}
					slog.ErrorContext(r.Context(), "handler panicked", "route", route, "panic", fmt.Sprint(p))
					if answer.status == 0 {
						problem.Write(answer, problem.New(problem.Internal, "internal error"))
					}
				}
				span.SetAttributes(attribute.Int("http.response.status_code", max(answer.status, http.StatusOK)))
				span.End()
				duration.WithLabelValues(route, r.Method, strconv.Itoa(max(answer.status, http.StatusOK))).Observe(time.Since(start).Seconds())
			}()
			next.ServeHTTP(answer, r)
		})
	}
}

// requireToken lets only callers pass that carry the app API token, which the own sidecar does.
func requireToken(token string) mux.MiddlewareFunc {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if token != "" && subtle.ConstantTimeCompare([]byte(r.Header.Get("dapr-api-token")), []byte(token)) != 1 {
				problem.Write(w, problem.New(problem.Unauthenticated, "the app API token is missing or wrong"))
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}
