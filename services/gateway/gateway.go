package main

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/gorilla/mux"
	"go.opentelemetry.io/otel/trace"

	"github.com/sidecart/sidecart/services/internal/auth"
	"github.com/sidecart/sidecart/services/internal/dapr"
	"github.com/sidecart/sidecart/services/internal/problem"
	"github.com/sidecart/sidecart/services/internal/serve"
)

// gateway keeps no data, only how much of each client's allowance is left.
type gateway struct {
	sidecar  *dapr.Client
	verifier *auth.Verifier
	log      *slog.Logger
	// all and passwords limit what one client may ask for; see route.passwords.
	all, passwords *limiter
}

// mount adds the routes to the router.
func (g *gateway) mount(router *mux.Router, routes []route) error {
	sidecar, err := url.Parse(g.sidecar.Base())
	if err != nil {
		return fmt.Errorf("gateway: sidecar: %w", err)
	}
	allowed := map[string][]string{}
	for _, route := range routes {
		router.Path(route.path).Methods(route.method).Handler(public(g.limit(route, g.handler(route, sidecar))))
		allowed[route.path] = append(allowed[route.path], route.method)
	}
	router.NotFoundHandler = public(router.NotFoundHandler)
	router.MethodNotAllowedHandler = public(methodNotAllowed(allowed, router.MethodNotAllowedHandler))
	return nil
}

// handler lets pass what the route's access allows.
func (g *gateway) handler(route route, sidecar *url.URL) serve.Handler {
	proxy := g.proxy(route, sidecar)
	forward := func(w http.ResponseWriter, r *http.Request) error {
		if err := admit(w, r, route); err != nil {
			return err
		}
		deadline := route.deadline
		if deadline == 0 {
			deadline = standardDeadline
		}
		ctx, cancel := context.WithTimeout(r.Context(), deadline)
		defer cancel()
		proxy.ServeHTTP(w, r.WithContext(ctx))
		return nil
	}
	switch route.access {
	case open:
		return forward
	case customer:
		return g.verifier.Customer(forward)
	default:
		return g.verifier.Administrator(forward)
	}
}

// public sets the headers of every answer; X-Trace-Id is what to quote when asking for help.
func public(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		if span := trace.SpanContextFromContext(r.Context()); span.HasTraceID() {
			w.Header().Set("X-Trace-Id", span.TraceID().String())
		}
		next.ServeHTTP(w, r)
	})
}

// methodNotAllowed names the methods that the path does know (RFC 9110 §15.5.6).
func methodNotAllowed(allowed map[string][]string, next http.Handler) http.Handler {
	paths := mux.NewRouter()
	for path, methods := range allowed {
		paths.Path(path).HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Allow", strings.Join(methods, ", "))
		})
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var match mux.RouteMatch
		if paths.Match(r, &match) && match.Route != nil {
			match.Handler.ServeHTTP(w, r)
		}
		next.ServeHTTP(w, r)
	})
}

// awaitServices answers nil once every service behind the routes is ready, so that a ready
// gateway means a shop that sells.
func (g *gateway) awaitServices(ctx context.Context) error {
	apps := map[string]bool{}
	for _, route := range routes() {
		apps[route.app] = true
	}
	delete(apps, named)
	for _, app := range slices.Sorted(maps.Keys(apps)) {
		if err := g.awaitService(ctx, app); err != nil {
			return err
		}
	}
	return nil
}

func (g *gateway) awaitService(ctx context.Context, app string) error {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	var answer struct {
		Status string `json:"status"`
	}
	err := g.sidecar.Invoke(ctx, dapr.Call{App: app, Method: http.MethodGet, Path: "/readyz", Out: &answer})
	if err == nil && answer.Status != "ready" {
		err = problem.New(problem.Unavailable, "%s answers something else than that it is ready", app)
	}
	return err
}
