// Package client speaks the shop's public API, for the programs and tests that use it from outside.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Client calls one shop as one caller. It may be copied, and used by many goroutines.
type Client struct {
	base  string
	http  *http.Client
	token string
}

// New prepares calls to the gateway at base, such as http://localhost:8080, without a customer's token.
func New(base string) Client {
	transport := &http.Transport{MaxIdleConnsPerHost: 256, IdleConnTimeout: time.Minute}
	return Client{base: strings.TrimRight(base, "/"), http: &http.Client{Transport: transport, Timeout: 60 * time.Second}}
}

// As is the same shop called with an access token.
func (c Client) As(accessToken string) Client {
	c.token = accessToken
	return c
}

// Money is an amount in the currency's minor unit.
type Money struct {
	Amount   int64  `json:"amount"`
	Currency string `json:"currency"`
}

func (m Money) String() string {
	return fmt.Sprintf("%d.%02d %s", m.Amount/100, m.Amount%100, m.Currency)
}

// Page is one page of a list; an empty NextCursor ends it.
type Page[T any] struct {
	Items      []T    `json:"items"`
	NextCursor string `json:"nextCursor"`
}

// Problem is an answer that is no success (RFC 9457).
type Problem struct {
	Status int    `json:"status"`
	Code   string `json:"code"`
	Detail string `json:"detail"`
	Fields []struct {
		Field   string `json:"field"`
		Message string `json:"message"`
	} `json:"errors"`
	RetryAfter time.Duration `json:"-"`
}

func (p *Problem) Error() string { return fmt.Sprintf("%d %s: %s", p.Status, p.Code, p.Detail) }

// Temporary tells whether the same call may succeed later: no answer at all, too many calls, or unavailable.
// The call may have had its effect.
func Temporary(err error) bool {
	var p *Problem
	if errors.As(err, &p) {
		return p.Status == http.StatusTooManyRequests || p.Status == http.StatusServiceUnavailable
	}
	var broken *url.Error
	return errors.As(err, &broken)
}

// Retry repeats a call that may be repeated while it fails temporarily and the context lasts.
func Retry[T any](ctx context.Context, call func(context.Context) (T, error)) (T, error) {
	pause := 50 * time.Millisecond
	for {
		value, err := call(ctx)
		if err == nil || !Temporary(err) {
			return value, err
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return value, err
		case <-timer.C:
		}
		pause = min(2*pause, time.Second)
	}
}

// Request is one call of the API. A body that is not nil is sent as JSON, []byte as it is.
type Request struct {
	Method, Path string
	Header       http.Header
	Body         any
}

// Do calls the API and decodes a successful answer into out, unless that is nil. The header is the
// answer's. Errors: *Problem, or that of the transport.
func (c Client) Do(ctx context.Context, r Request, out any) (status int, header http.Header, err error) {
	req, err := c.request(ctx, r)
	if err != nil {
		return 0, nil, err
	}
	res, err := c.http.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, 16<<20))
	if err != nil {
		return 0, nil, &url.Error{Op: r.Method, URL: r.Path, Err: err}
	}
	if res.StatusCode >= 300 {
		return res.StatusCode, res.Header, problem(res, body)
	}
	if out != nil {
		if err := json.Unmarshal(body, out); err != nil {
			return res.StatusCode, res.Header, fmt.Errorf("%s %s: %d with a body that is not as expected: %w", r.Method, r.Path, res.StatusCode, err)
		}
	}
	return res.StatusCode, res.Header, nil
}

func (c Client) request(ctx context.Context, r Request) (*http.Request, error) {
	body, raw := r.Body.([]byte)
	if r.Body != nil && !raw {
		var err error
		if body, err = json.Marshal(r.Body); err != nil {
			return nil, err
		}
	}
	req, err := http.NewRequestWithContext(ctx, r.Method, c.base+r.Path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if r.Body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	for name, values := range r.Header {
		req.Header[name] = values
	}
	return req, nil
}

func problem(res *http.Response, body []byte) error {
	p := &Problem{}
	if json.Unmarshal(body, p) != nil || p.Code == "" {
		p.Code, p.Detail = "not_a_problem_document", string(body[:min(len(body), 200)])
	}
	p.Status = res.StatusCode
	if seconds, err := strconv.Atoi(res.Header.Get("Retry-After")); err == nil {
		p.RetryAfter = time.Duration(seconds) * time.Second
	}
	return p
}

// call is Do for the ordinary case.
func call[T any](ctx context.Context, c Client, r Request) (out T, err error) {
	_, _, err = c.Do(ctx, r, &out)
	return out, err
}

func query(path string, pairs ...string) string {
	values := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != "" && pairs[i+1] != "0" {
			values.Set(pairs[i], pairs[i+1])
		}
	}
	if len(values) == 0 {
		return path
	}
	return path + "?" + values.Encode()
}
