package main

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"

	"github.com/sidecart/sidecart/services/internal/problem"
)

// admit refuses what no service has to see: parameters that the route does not know, a body
// that is not JSON or too large. The body is read here, whole, so that a slow or broken
// client holds nothing but the gateway.
func admit(w http.ResponseWriter, r *http.Request, route route) error {
	query, err := knownQuery(r, route)
	if err != nil {
		return err
	}
	if route.app == named && !slices.Contains(subscribers(), query.Get("service")) {
		return problem.InField(problem.InvalidParameter, "service", "must be one of %q", subscribers())
	}
	if !route.body {
		r.Body, r.ContentLength, r.TransferEncoding = http.NoBody, 0, nil
		return nil
	}
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return problem.InField(problem.UnsupportedMediaType, "Content-Type", "must be application/json")
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, problem.MaxBody))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return problem.New(problem.TooLarge, "the body is larger than %d bytes", large.Limit)
	case err != nil:
		return &problem.Error{Code: problem.MalformedJSON, Detail: "the body did not arrive", Cause: err}
	}
	r.Body, r.ContentLength, r.TransferEncoding = io.NopCloser(bytes.NewReader(body)), int64(len(body)), nil
	return nil
}

func knownQuery(r *http.Request, route route) (url.Values, error) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, &problem.Error{Code: problem.InvalidParameter, Detail: "the query is malformed", Cause: err}
	}
	for name, values := range query {
		if !slices.Contains(route.query, name) {
			return nil, problem.InField(problem.InvalidParameter, name, "is not a parameter of this call")
		}
		if len(values) > 1 {
			return nil, problem.InField(problem.InvalidParameter, name, "is given more than once")
		}
	}
	return query, nil
}
