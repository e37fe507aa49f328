package problem

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
)

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
	if err := dec.Decode(dst); err != nil {
		return decodeError(err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		var large *http.MaxBytesError
		if errors.As(err, &large) {
			return decodeError(err)
		}
		return New(MalformedJSON, "the body must hold one JSON value and nothing after it")
	}
	return nil
}

func decodeError(err error) error {
	var large *http.MaxBytesError
	var kind *json.UnmarshalTypeError
	if errors.As(err, &large) {
		return New(TooLarge, "the body is larger than %d bytes", large.Limit)
	}
	if errors.As(err, &kind) && kind.Field != "" {
		return InField(Invalid, kind.Field, "must be a %s, is a %s", kind.Type, kind.Value)
	}
	if _, name, ok := strings.Cut(err.Error(), "unknown field "); ok {
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
