// Package problem is how every service says that something went wrong: one error type,
// one table from its code to an HTTP status, one writer of RFC 9457 problem+json, and the readers
// of requests whose errors it tells.
package problem

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"github.com/sidecart/sidecart/services/internal/state"
)

// Code names a kind of problem; clients may rely on it. The contract lists them all.
type Code string

// The codes, by status.
const (
	MalformedJSON         Code = "malformed_json"
	UnknownField          Code = "unknown_field"
	InvalidParameter      Code = "invalid_parameter"
	IdempotencyKeyMissing Code = "idempotency_key_missing"
	IdempotencyKeyTooLong Code = "idempotency_key_too_long"
	Unauthenticated       Code = "unauthenticated"
	Forbidden             Code = "forbidden"
	NotFound              Code = "not_found"
	MethodNotAllowed      Code = "method_not_allowed"
	Conflict              Code = "conflict"
	TooLarge              Code = "too_large"
	UnsupportedMediaType  Code = "unsupported_media_type"
	Invalid               Code = "invalid"
	UnknownProduct        Code = "unknown_product"
	RetiredProduct        Code = "retired_product"
	CurrencyMix           Code = "currency_mix"
	IdempotencyKeyReused  Code = "idempotency_key_reused"
	RateLimited           Code = "rate_limited"
	Internal              Code = "internal"
	Unavailable           Code = "unavailable"
)

var statuses = map[Code]int{
	MalformedJSON: 400, UnknownField: 400, InvalidParameter: 400, IdempotencyKeyMissing: 400, IdempotencyKeyTooLong: 400,
	Unauthenticated: 401, Forbidden: 403, NotFound: 404, MethodNotAllowed: 405, Conflict: 409, TooLarge: 413, UnsupportedMediaType: 415,
	Invalid: 422, UnknownProduct: 422, RetiredProduct: 422, CurrencyMix: 422, IdempotencyKeyReused: 422,
	RateLimited: 429, Internal: 500, Unavailable: 503,
}

// Field says what is wrong with one member of the request: a JSON path such as
// items[2].quantity, a header's or a parameter's name.
type Field struct {
	Field   string `json:"field"`
	Message string `json:"message"`
}

// Error is a failure with what a client may be told of it. Its cause is for the log alone.
type Error struct {
	Code   Code
	Detail string
	Fields []Field
	Cause  error
}

func (e *Error) Error() string {
	if e.Cause != nil {
		return fmt.Sprintf("%s: %s: %v", e.Code, e.Detail, e.Cause)
	}
	return fmt.Sprintf("%s: %s", e.Code, e.Detail)
}

func (e *Error) Unwrap() error { return e.Cause }

// Status is the HTTP status of the error's code.
func (e *Error) Status() int { return statuses[e.Code] }

// New makes an error that a client may read.
func New(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Detail: fmt.Sprintf(format, args...)}
}

// InField makes an error about one field.
func InField(code Code, field, format string, args ...any) *Error {
	message := fmt.Sprintf(format, args...)
	return &Error{Code: code, Detail: field + ": " + message, Fields: []Field{{field, message}}}
}

// From turns any error into one that a client may read: a store or a service that does
// not answer is unavailable, everything unforeseen is internal and says no more.
func From(err error) *Error {
	var e *Error
	switch {
	case errors.As(err, &e):
		return e
	case errors.Is(err, state.ErrUnavailable), errors.Is(err, state.ErrConflict):
		return &Error{Code: Unavailable, Detail: "temporarily unavailable, try again", Cause: err}
	}
	return &Error{Code: Internal, Detail: "internal error", Cause: err}
}

// Document is the body of an application/problem+json answer (RFC 9457 §3).
type Document struct {
	Type   string  `json:"type"`
	Title  string  `json:"title"`
	Status int     `json:"status"`
	Code   Code    `json:"code"`
	Detail string  `json:"detail"`
	Fields []Field `json:"errors,omitempty"`
}

// Write answers with the error as problem+json; 503 carries Retry-After in seconds.
func Write(w http.ResponseWriter, err error) {
	e := From(err)
	status := e.Status()
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("Cache-Control", "no-store")
	switch status {
	case http.StatusServiceUnavailable, http.StatusTooManyRequests:
		w.Header().Set("Retry-After", "1")
	case http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", `Bearer realm="sidecart"`)
	}
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(Document{
		Type: "/problems/" + string(e.Code), Title: http.StatusText(status), Status: status, Code: e.Code, Detail: e.Detail, Fields: e.Fields,
	})
}

// MaxBody is the largest request body that is read, in bytes.
const MaxBody = 1 << 20

// Decode reads the request's JSON body into dst. Its errors name what is wrong:
// unsupported_media_type, too_large, malformed_json, unknown_field, or invalid for a value of the wrong type.
func Decode(w http.ResponseWriter, r *http.Request, dst any) error {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return InField(UnsupportedMediaType, "Content-Type", "must be application/json")
	}
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, MaxBody))
	dec.DisallowUnknownFields()
	err := dec.Decode(dst)
	if err == nil {
		if _, err = dec.Token(); errors.Is(err, io.EOF) {
			return nil
		}
	}
	return decodeError(err)
}

// decodeError says what is wrong with a body; without an error it is what follows its value.
func decodeError(err error) error {
	var large *http.MaxBytesError
	var kind *json.UnmarshalTypeError
	if errors.As(err, &large) {
		return New(TooLarge, "the body is larger than %d bytes", large.Limit)
	}
	if errors.As(err, &kind) && kind.Field != "" {
		return InField(Invalid, kind.Field, "must be a %s, is a %s", kind.Type, kind.Value)
	}
	if _, name, ok := strings.Cut(fmt.Sprint(err), "unknown field "); ok {
		if field, err := strconv.Unquote(name); err == nil {
			return InField(UnknownField, field, "is not a field of this request")
		}
	}
	return &Error{Code: MalformedJSON, Detail: "the body is not the JSON object that is expected here", Cause: err}
}

// WriteJSON answers with a JSON body.
func WriteJSON(w http.ResponseWriter, status int, body any) error {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	return json.NewEncoder(w).Encode(body)
}

// IdempotencyKey reads the request's Idempotency-Key header, 1 to 255 bytes.
func IdempotencyKey(r *http.Request) (string, error) {
	key := r.Header.Get("Idempotency-Key")
	switch {
	case key == "":
		return "", InField(IdempotencyKeyMissing, "Idempotency-Key", "this header is required")
	case len(key) > 255:
		return "", InField(IdempotencyKeyTooLong, "Idempotency-Key", "must have at most 255 characters")
	}
	return key, nil
}

// Limit reads the query parameter limit: 1 to most, or standard when there is none.
func Limit(r *http.Request, standard, most int) (int, error) {
	text := r.URL.Query().Get("limit")
	if text == "" {
		return standard, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > most {
		return 0, InField(InvalidParameter, "limit", "must be a number from 1 to %d", most)
	}
	return n, nil
}
