// Package password hashes with Argon2id (RFC 9106), never more than a few at a time.
package password

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"
	"time"

	"golang.org/x/crypto/argon2"

	"github.com/sidecart/sidecart/services/internal/state"
	"github.com/sidecart/sidecart/services/user/internal/secret"
)

// Params are the cost of one hash.
type Params struct {
	// Memory in KiB.
	Memory  uint32
	Time    uint32
	Threads uint8
}

// Standard is the OWASP Password Storage Cheat Sheet's first choice below 46 MiB. RFC 9106's
// second recommendation (64 MiB, three passes, four lanes) costs some six times as much, on
// the cores that also serve the shop; OWASP rates the two as equal in defence. A hash names
// its parameters, so they can be raised later: accounts follow as they sign in.
var Standard = Params{Memory: 19 * 1024, Time: 2, Threads: 1}

const (
	saltBytes = 16
	keyBytes  = 32
	// patience bounds the wait for a free slot: more than that many seconds of sign-ins are not queued up.
	patience = 3 * time.Second
)

// Hasher makes and checks hashes. Its memory is bounded by the number of slots, whatever the
// number of sign-ins. Safe for concurrent use.
type Hasher struct {
	params Params
	slots  chan struct{}
}

// New makes a Hasher that computes at most concurrent hashes at once.
func New(params Params, concurrent int) *Hasher {
	return &Hasher{params, make(chan struct{}, concurrent)}
}

// Hash answers the password's hash with a new salt, in PHC string format.
// Error: state.ErrUnavailable when too many others wait.
func (h *Hasher) Hash(ctx context.Context, password secret.Text) (secret.Text, error) {
	salt := make([]byte, saltBytes)
	_, _ = rand.Read(salt) // never fails, see crypto/rand
	key, err := h.derive(ctx, password, salt, h.params, keyBytes)
	if err != nil {
		return "", err
	}
	b64 := base64.RawStdEncoding.EncodeToString
	return secret.Text(fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s",
		argon2.Version, h.params.Memory, h.params.Time, h.params.Threads, b64(salt), b64(key))), nil
}

// Verify tells whether the password is the one that was hashed, and whether the hash was made
// with other parameters than today's. An empty hash fits no password, and costs the same.
// Errors: state.ErrUnavailable when too many others wait; else the hash is not one.
func (h *Hasher) Verify(ctx context.Context, hash, password secret.Text) (ok, outdated bool, err error) {
	if hash == "" {
		_, err := h.derive(ctx, password, make([]byte, saltBytes), h.params, keyBytes)
		return false, false, err
	}
	params, salt, key, err := parse(hash)
	if err != nil {
		return false, false, err
	}
	derived, err := h.derive(ctx, password, salt, params, uint32(len(key)))
	if err != nil {
		return false, false, err
	}
	return subtle.ConstantTimeCompare(derived, key) == 1, params != h.params || len(key) != keyBytes || len(salt) != saltBytes, nil
}

func (h *Hasher) derive(ctx context.Context, password secret.Text, salt []byte, params Params, length uint32) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	select {
	case h.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: too many passwords to check", state.ErrUnavailable)
	}
	defer func() { <-h.slots }()
	return argon2.IDKey([]byte(password.Reveal()), salt, params.Time, params.Memory, params.Threads, length), nil
}

// parse reads the PHC string format (P-H-C/phc-string-format) as far as Hash writes it.
func parse(hash secret.Text) (params Params, salt, key []byte, err error) {
	broken := fmt.Errorf("password: not an Argon2id hash")
	parts := strings.Split(hash.Reveal(), "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return params, nil, nil, broken
	}
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &params.Memory, &params.Time, &params.Threads); err != nil {
		return params, nil, nil, broken
	}
	salt, saltErr := base64.RawStdEncoding.DecodeString(parts[4])
	key, keyErr := base64.RawStdEncoding.DecodeString(parts[5])
	// The bounds keep a damaged document from asking for a machine's whole memory, or for none of the work.
	if saltErr != nil || keyErr != nil || len(salt) < 8 || len(key) < 16 || len(key) > 64 ||
		params.Time < 1 || params.Time > 16 || params.Threads < 1 || params.Memory < 8 || params.Memory > 256*1024 {
		return params, nil, nil, broken
	}
	return params, salt, key, nil
}
