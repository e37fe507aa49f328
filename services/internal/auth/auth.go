// Package auth checks who a request comes from: an EdDSA JWT of the user service, against its JWKS (RFC 7517, 8037).
package auth

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"

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
	fetch func(context.Context) (KeySet, error)

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
	defer v.mu.Unlock()
	if key, ok := v.keys[id]; ok {
		return key, nil
	}
	if v.keys != nil && time.Since(v.fetched) < refetch {
		return nil, fmt.Errorf("unknown key")
	}
	set, err := v.fetch(ctx)
	if err != nil {
		return nil, problem.From(err)
	}
	v.keys, v.fetched = map[string]ed25519.PublicKey{}, time.Now()
	for _, key := range set.Keys {
		if x, err := base64.RawURLEncoding.DecodeString(key.X); err == nil && key.Curve == "Ed25519" && len(x) == ed25519.PublicKeySize {
			v.keys[key.ID] = x
		}
	}
	if key, ok := v.keys[id]; ok {
		return key, nil
	}
	return nil, fmt.Errorf("unknown key")
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
	if err == nil && claims.Subject != "" {
		return claims, nil
	}
	if unavailable := (*problem.Error)(nil); errors.As(err, &unavailable) {
		return nil, unavailable
	}
	message := "the token is not valid"
	if errors.Is(err, jwt.ErrTokenExpired) {
		message = "the token has expired"
	}
	return nil, &problem.Error{Code: problem.Unauthenticated, Detail: message, Fields: []problem.Field{{Field: "Authorization", Message: message}}, Cause: err}
}

type contextKey struct{}

// Customer lets only requests with a valid token pass; the handler finds its claims with From.
func (v *Verifier) Customer(next serve.Handler) serve.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		claims, err := v.Claims(r)
		if err != nil {
			return err
		}
		return next(w, r.WithContext(context.WithValue(r.Context(), contextKey{}, claims)))
	}
}

// Administrator lets only requests with an administrator's token pass.
func (v *Verifier) Administrator(next serve.Handler) serve.Handler {
	return v.Customer(func(w http.ResponseWriter, r *http.Request) error {
		if From(r.Context()).Role != Admin {
			return problem.New(problem.Forbidden, "this needs the role admin")
		}
		return next(w, r)
	})
}

// From answers the claims of a request that passed Customer or Administrator.
func From(ctx context.Context) *Claims {
	claims, _ := ctx.Value(contextKey{}).(*Claims)
	return claims
}
