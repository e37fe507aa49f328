package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"

	"github.com/gorilla/mux"
	"go.opentelemetry.io/otel/baggage"

	"github.com/sidecart/sidecart/services/internal/problem"
)

// proxy hands the route's requests to the sidecar and judges what comes back.
func (g *gateway) proxy(route route, sidecar *url.URL) http.Handler {
	return &httputil.ReverseProxy{
		Transport:      g.sidecar.Transport(),
		Rewrite:        func(pr *httputil.ProxyRequest) { g.rewrite(pr, route, sidecar) },
		ModifyResponse: func(res *http.Response) error { return vouch(res, route) },
		ErrorHandler:   g.unanswered,
		ErrorLog:       slog.NewLogLogger(g.log.Handler(), slog.LevelWarn),
	}
}

// rewrite makes the internal request. Its headers are built from nothing: what daprd obeys
// (dapr-app-id, dapr-api-token, Authorization: Basic dapr-app-id:…) no client may send.
// The transport adds the trace.
func (g *gateway) rewrite(pr *httputil.ProxyRequest, route route, sidecar *url.URL) {
	query := pr.In.URL.Query()
	app := route.app
	if app == named {
		app = query.Get("service")
		query.Del("service")
	}
	for name, value := range mux.Vars(pr.In) {
		query.Set(name, value)
	}
	pr.Out = pr.Out.WithContext(baggage.ContextWithoutBaggage(pr.Out.Context()))
	pr.Out.URL = &url.URL{Scheme: sidecar.Scheme, Host: sidecar.Host, Path: route.to, RawQuery: query.Encode()}
	pr.Out.Host = ""
	pr.Out.Header = http.Header{}
	passed := append([]string{"Accept", "Idempotency-Key", "Prefer"}, route.headers...)
	if route.access != open {
		passed = append(passed, "Authorization")
	}
	if route.body {
		passed = append(passed, "Content-Type")
	}
	for _, name := range passed {
		if values := pr.In.Header.Values(name); len(values) > 0 {
			pr.Out.Header[name] = values
		}
	}
	g.sidecar.Address(pr.Out, app)
}

// maxAnswer bounds an answer, in bytes: the largest is a page of a hundred orders.
const maxAnswer = 16 << 20

// errNotTheService says that an answer came from somebody on the way.
var errNotTheService = errors.New("not an answer of the service")

// vouch passes on only what is the service's own answer: JSON with a body, or problem+json. A
// sidecar answers an empty 200 for an app that has died, and its own errors (no such app, access
// denied) in another format, which name what is inside. The body is read whole, so that an
// answer that breaks off is none.
func vouch(res *http.Response, route route) error {
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	if closeErr := res.Body.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return fmt.Errorf("answer %d broke off: %w", res.StatusCode, err)
	}
	kind, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type"))
	succeeded := res.StatusCode >= 200 && res.StatusCode < 300 && kind == "application/json"
	refused := res.StatusCode >= 400 && kind == "application/problem+json"
	if !succeeded && !refused || len(body) == 0 || len(body) > maxAnswer {
		return fmt.Errorf("%w: %d, %d bytes of type %q%s", errNotTheService, res.StatusCode, len(body), kind, sidecarError(body))
	}
	res.Body, res.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	res.Header = answerHeader(res, route)
	res.Header.Set("Content-Length", strconv.Itoa(len(body)))
	res.TransferEncoding, res.Trailer = nil, nil
	return nil
}

// sidecarError is what a sidecar says went wrong, for the log; nothing else of an unknown body
// goes there, as it may hold anything.
func sidecarError(body []byte) string {
	var failure struct {
		ErrorCode string `json:"errorCode"`
		Message   string `json:"message"`
	}
	if json.Unmarshal(body, &failure) != nil || failure.ErrorCode == "" {
		return ""
	}
	return fmt.Sprintf(": %s: %s", failure.ErrorCode, failure.Message)
}

// answerHeader keeps the headers that are part of the public API.
func answerHeader(res *http.Response, route route) http.Header {
	header := http.Header{}
	for _, name := range []string{"Content-Type", "Preference-Applied", "Retry-After", "Www-Authenticate"} {
		if values := res.Header.Values(name); len(values) > 0 {
			header[name] = values
		}
	}
	if location := res.Header.Get("Location"); strings.HasPrefix(location, "/api/") {
		header.Set("Location", location)
	}
	if caching := res.Header.Get("Cache-Control"); caching != "" && route.access == open && route.method == http.MethodGet {
		header.Set("Cache-Control", caching)
	} else {
		header.Set("Cache-Control", "no-store")
	}
	return header
}

// unanswered tells the client that it is not known what became of its request.
func (g *gateway) unanswered(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(err, context.Canceled) {
		g.log.DebugContext(r.Context(), "the client went away", "method", r.Method, "path", r.URL.Path)
	} else {
		g.log.ErrorContext(r.Context(), "no answer from the service", "method", r.Method, "path", r.URL.Path, "error", err)
	}
	problem.Write(w, problem.New(problem.Unavailable, "temporarily unavailable, try again"))
}
