// Package authtest signs tokens for tests of services that check them.
package authtest

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"github.com/sidecart/sidecart/services/internal/auth"
)

// Signer signs tokens with a key of its own.
type Signer struct {
	t   testing.TB
	key ed25519.PrivateKey
}

// New makes a signer.
func New(t testing.TB) *Signer {
	_, key, err := ed25519.GenerateKey(nil)
	require.NoError(t, err)
	return &Signer{t, key}
}

// Keys are this signer's public keys.
func (s *Signer) Keys() auth.KeySet {
	public := base64.RawURLEncoding.EncodeToString(s.key.Public().(ed25519.PublicKey))
	return auth.KeySet{Keys: []auth.Key{{KeyType: "OKP", Curve: "Ed25519", ID: "test", Use: "sig", Alg: "EdDSA", X: public}}}
}

// Verifier takes this signer's tokens and no others.
func (s *Signer) Verifier() *auth.Verifier {
	return auth.NewVerifier(func(context.Context) (auth.KeySet, error) { return s.Keys(), nil })
}

// Token of a user, valid for the given time; a negative one has expired.
func (s *Signer) Token(userID, role string, valid time.Duration) string {
	return s.sign("test", userID, role, valid)
}

// Forged is a token that names a key which nobody has.
func (s *Signer) Forged() string { return s.sign("forged", "u", "admin", time.Minute) }

func (s *Signer) sign(keyID, userID, role string, valid time.Duration) string {
	now := time.Now()
	token := jwt.NewWithClaims(jwt.SigningMethodEdDSA, auth.Claims{
		RegisteredClaims: jwt.RegisteredClaims{
			Issuer: auth.Issuer, Audience: jwt.ClaimStrings{auth.Issuer}, Subject: userID,
			IssuedAt: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(now.Add(valid)),
		},
		Role: role, Session: "session",
	})
	token.Header["kid"] = keyID
	text, err := token.SignedString(s.key)
	require.NoError(s.t, err)
	return text
}
