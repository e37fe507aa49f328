// Package auth checks who a request comes from: an EdDSA JWT of the user service, against its JWKS (RFC 7517, 8037).
package auth

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"golang.org/x/sync/singleflight"

	"github.com/sidecart/sidecart/services/internal/dapr"
	"github.com/sidecart/sidecart/services/internal/problem"
	"github.com/sidecart/sidecart/services/internal/serve"
)

// Issuer and audience of every access token.
const Issuer = "sidecart"

// Admin is the role that may change catalogue and stock; everybody else is a customer.
const Admin = "admin"

// Claims of an access token: sub is the user's id.
type Claims struct {
	jwt.RegisteredClaims
	Role    string `json:"role"`
	Session string `json:"sid"`
}

// Key is a public key of a JWKS document (RFC 8037).
type Key struct {
	KeyType string `json:"kty"`
	Curve   string `json:"crv"`
	ID      string `json:"kid"`
	Use     string `json:"use"`
	Alg     string `json:"alg"`
	X       string `json:"x"`
}

// KeySet is a JWKS document.
type KeySet struct {
	Keys []Key `json:"keys"`
}

// Verifier checks tokens. Safe for concurrent use.
type Verifier struct {
	fetch    func(context.Context) (KeySet, error)
	fetching singleflight.Group

	mu      sync.Mutex
	keys    map[string]ed25519.PublicKey
	fetched time.Time
}

// NewVerifier checks tokens with the keys that fetch answers; they are kept and fetched again when a token names a new one.
func NewVerifier(fetch func(context.Context) (KeySet, error)) *Verifier {
	return &Verifier{fetch: fetch}
}

// FromUser fetches the keys from the user service through the sidecar.
func FromUser(sidecar *dapr.Client) *Verifier {
	return NewVerifier(func(ctx context.Context) (keys KeySet, err error) {
		ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		err = sidecar.Invoke(ctx, dapr.Call{App: "user", Method: http.MethodGet, Path: "/jwks", Out: &keys})
		return keys, err
	})
}

// refetch bounds how often an unknown key id makes the keys be fetched: forged ones must not flood the user service.
const refetch = 5 * time.Second

func (v *Verifier) key(ctx context.Context, id string) (ed25519.PublicKey, error) {
	v.mu.Lock()
	key, known := v.keys[id]
	recent := v.keys != nil && time.Since(v.fetched) < refetch
	v.mu.Unlock()
	if !known && !recent {
		// Once for all who wait, and outside the lock: tokens with known keys do not wait.
		keys, err, _ := v.fetching.Do("", func() (any, error) { return v.renew(context.WithoutCancel(ctx)) })
		if err != nil {
			return nil, problem.From(err)
		}
		key, known = keys.(map[string]ed25519.PublicKey)[id]
	}
	if !known {
		return nil, errors.New("unknown key")
	}
	return key, nil
}

func (v *Verifier) renew(ctx context.Context) (map[string]ed25519.PublicKey, error) {
	set, err := v.fetch(ctx)
	if err != nil {
		return nil, err
	}
	keys := map[string]ed25519.PublicKey{}
	for _, key := range set.Keys {
		if x, err := base64.RawURLEncoding.DecodeString(key.X); err == nil && key.Curve == "Ed25519" && len(x) == ed25519.PublicKeySize {
			keys[key.ID] = x
		}
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.keys, v.fetched = keys, time.Now()
	return keys, nil
}

// Claims of the request's bearer token. Errors: unauthenticated, or unavailable when the keys cannot be fetched.
func (v *Verifier) Claims(r *http.Request) (*Claims, error) {
	scheme, text, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") || text == "" {
		return nil, problem.InField(problem.Unauthenticated, "Authorization", "a bearer token is required")
	}
	claims := &Claims{}
	_, err := jwt.ParseWithClaims(text, claims, func(t *jwt.Token) (any, error) {
		id, _ := t.Header["kid"].(string)
		return v.key(r.Context(), id)
	}, jwt.WithValidMethods([]string{"EdDSA"}), jwt.WithIssuer(Issuer), jwt.WithAudience(Issuer), jwt.WithExpirationRequired())
	var unavailable *problem.Error
	switch {
	case err == nil && claims.Subject != "":
		return claims, nil
	case errors.As(err, &unavailable):
		return nil, unavailable
	case errors.Is(err, jwt.ErrTokenExpired):
		return nil, problem.InField(problem.Unauthenticated, "Authorization", "the token has expired")
	}
	return nil, problem.InField(problem.Unauthenticated, "Authorization", "the token is not valid")
}

type contextKey struct{}

// Customer lets only requests with a valid token pass; the handler finds its claims with From.
func (v *Verifier) Customer(next serve.Handler) serve.Handler { return v.require("", next) }

// Administrator lets only requests with an administrator's token pass.
func (v *Verifier) Administrator(next serve.Handler) serve.Handler { return v.require(Admin, next) }

func (v *Verifier) require(role string, next serve.Handler) serve.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		claims, err := v.Claims(r)
		if err != nil {
			return err
		}
		if role != "" && claims.Role != role {
			return problem.New(problem.Forbidden, "this needs the role %s", role)
		}
		return next(w, r.WithContext(context.WithValue(r.Context(), contextKey{}, claims)))
	}
}

// From answers the claims of a request that passed Customer or Administrator.
func From(ctx context.Context) *Claims {
	claims, _ := ctx.Value(contextKey{}).(*Claims)
	return claims
}
