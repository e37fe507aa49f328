// Package session is refresh tokens that rotate: each can be used once, and whoever comes
// with a used one ends the session for everybody who holds a token of it (RFC 9700 §4.14.2).
package session

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"time"

	"github.com/sidecart/sidecart/services/user/internal/secret"
)

// Lifetime of a session that is not refreshed.
const Lifetime = 30 * 24 * time.Hour

// Errors of Rotate.
var (
	// ErrReuse: the token was used before, or is made up. The family that Rotate returns is revoked and has to be kept.
	ErrReuse = errors.New("session: refresh token reused")
	// ErrEnded: the session was revoked or has expired, or there is none.
	ErrEnded = errors.New("session: ended")
)

// Family is one session: the line of refresh tokens that began with one sign-in. Only the
// newest of them is good, and only its hash is kept.
type Family struct {
	UserID     string `json:"userId"`
	Credential int64  `json:"credential"`
	Generation int64  `json:"generation"`
	// Hash is the SHA-256 of the newest token's secret, which has 256 bits of its own and needs no slow hash.
	Hash      string    `json:"hash"`
	Revoked   bool      `json:"revoked,omitempty"`
	ExpiresAt time.Time `json:"expiresAt"`
}

// Begin opens a session with its first token's secret. credential is the account's.
func Begin(userID string, credential int64, first secret.Text, now time.Time) Family {
	return Family{UserID: userID, Credential: credential, Generation: 1, Hash: hash(first), ExpiresAt: now.Add(Lifetime)}
}

// Live tells whether the session can be refreshed at all.
func (f Family) Live(now time.Time) bool { return !f.Revoked && now.Before(f.ExpiresAt) }

// Rotate answers the family in which next takes the presented token's place.
//
// Of two that present the same token, one at most gets through; the other is a reuse, as
// nobody can tell a thief from a client that asks twice.
func (f Family) Rotate(presented Token, next secret.Text, now time.Time) (Family, error) {
	if !f.Live(now) {
		return f, ErrEnded
	}
	same := subtle.ConstantTimeCompare([]byte(hash(presented.Secret)), []byte(f.Hash)) == 1
	if presented.Generation != f.Generation || !same {
		f.Revoked = true
		return f, ErrReuse
	}
	f.Generation++
	f.Hash = hash(next)
	f.ExpiresAt = now.Add(Lifetime)
	return f, nil
}

func hash(text secret.Text) string {
	sum := sha256.Sum256([]byte(text.Reveal()))
	return hex.EncodeToString(sum[:])
}
