package api

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/sidecart/sidecart/services/internal/problem"
)

// tolerance is how far a callback's clock may be off; older ones are taken for replays.
const tolerance = 5 * time.Minute

// Webhook checks signatures by the Standard Webhooks specification (standardwebhooks.com,
// symmetric scheme v1). Safe for concurrent use.
type Webhook struct {
	key atomic.Pointer[[]byte]
}

// Use sets the secret: base64, with or without the prefix whsec_.
func (h *Webhook) Use(secret string) error {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil || len(key) < 16 {
		// The cause would quote the secret.
		return errors.New("webhook secret: must be base64 of at least 16 bytes")
	}
	h.key.Store(&key)
	return nil
}

// Verify checks the request's headers against its body. Errors: unauthenticated, which does not tell what was wrong.
func (h *Webhook) Verify(header http.Header, body []byte, now time.Time) error {
	key := h.key.Load()
	if key == nil {
		return problem.New(problem.Unavailable, "starting")
	}
	if err := verify(*key, header, body, now); err != nil {
		return &problem.Error{Code: problem.Unauthenticated, Detail: "the signature is missing, wrong or too old", Cause: err}
	}
	return nil
}

func verify(key []byte, header http.Header, body []byte, now time.Time) error {
	id, stamp := header.Get("webhook-id"), header.Get("webhook-timestamp")
	if id == "" {
		return errors.New("no webhook-id")
	}
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil {
		return fmt.Errorf("webhook-timestamp: %w", err)
	}
	if off := now.Sub(time.Unix(seconds, 0)).Abs(); off > tolerance {
		return fmt.Errorf("webhook-timestamp is off by %s", off)
	}
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "%s.%s.%s", id, stamp, body)
	want := mac.Sum(nil)
	// Several while the secret is being changed; other versions belong to other schemes.
	for _, signature := range strings.Fields(header.Get("webhook-signature")) {
		text, ok := strings.CutPrefix(signature, "v1,")
		if got, err := base64.StdEncoding.DecodeString(text); ok && err == nil && hmac.Equal(got, want) {
			return nil
		}
	}
	return errors.New("no signature fits")
}
