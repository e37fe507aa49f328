// Package token issues access tokens: EdDSA JWTs (RFC 7519, RFC 8037) that every service
// can check with the public key alone.
package token

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/sidecart/sidecart/services/internal/auth"
	"github.com/sidecart/sidecart/services/internal/state"
	"github.com/sidecart/sidecart/services/user/internal/secret"
)

// Issuer signs tokens once it has its key, which comes from the secret store while the
// service starts. Safe for concurrent use.
type Issuer struct {
	lifetime time.Duration
	key      atomic.Pointer[signingKey]
}

type signingKey struct {
	private ed25519.PrivateKey
	public  auth.Key
}

// NewIssuer makes an Issuer, without a key, of tokens that are good for lifetime.
func NewIssuer(lifetime time.Duration) *Issuer { return &Issuer{lifetime: lifetime} }

// Lifetime of a token.
func (i *Issuer) Lifetime() time.Duration { return i.lifetime }

// Use makes the Issuer sign with the key of that seed: 32 bytes in base64.
func (i *Issuer) Use(seed secret.Text) error {
	raw, err := base64.StdEncoding.DecodeString(seed.Reveal())
	if err != nil || len(raw) != ed25519.SeedSize {
		// The decoder's own error would quote from the seed.
		return fmt.Errorf("token: the signing key must be %d bytes in base64", ed25519.SeedSize)
	}
	private := ed25519.NewKeyFromSeed(raw)
	public, _ := private.Public().(ed25519.PublicKey)
	x := base64.RawURLEncoding.EncodeToString(public)
	i.key.Store(&signingKey{private, auth.Key{KeyType: "OKP", Curve: "Ed25519", ID: thumbprint(x), Use: "sig", Alg: "EdDSA", X: x}})
	return nil
}

// thumbprint is the key's JWK thumbprint (RFC 7638; RFC 8037 §2 names the members).
func thumbprint(x string) string {
	sum := sha256.Sum256(fmt.Appendf(nil, `{"crv":"Ed25519","kty":"OKP","x":"%s"}`, x))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func (i *Issuer) current() (*signingKey, error) {
	key := i.key.Load()
	if key == nil {
		return nil, fmt.Errorf("%w: no signing key yet", state.ErrUnavailable)
	}
	return key, nil
}

// Issue answers an access token for a user in a session. Error: state.ErrUnavailable without a key.
func (i *Issuer) Issue(userID, role, session string, now time.Time) (secret.Text, error) {
	key, err := i.current()
	if err != nil {
		return "", err
	}
	token := jwt.NewWithClaims(jwt.SigningMethodEdDSA, auth.Claims{
		RegisteredClaims: jwt.RegisteredClaims{
			Issuer: auth.Issuer, Audience: jwt.ClaimStrings{auth.Issuer}, Subject: userID,
			IssuedAt: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(now.Add(i.lifetime)),
		},
		Role: role, Session: session,
	})
	token.Header["kid"] = key.public.ID
	text, err := token.SignedString(key.private)
	return secret.Text(text), err
}

// KeySet answers the JWKS that checks the tokens. Error: state.ErrUnavailable without a key.
func (i *Issuer) KeySet() (auth.KeySet, error) {
	key, err := i.current()
	if err != nil {
		return auth.KeySet{}, err
	}
	return auth.KeySet{Keys: []auth.Key{key.public}}, nil
}
