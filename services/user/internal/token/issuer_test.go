package token_test

import (
	"context"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sidecart/sidecart/services/internal/auth"
	"github.com/sidecart/sidecart/services/internal/problem"
	"github.com/sidecart/sidecart/services/internal/state"
	"github.com/sidecart/sidecart/services/user/internal/secret"
	"github.com/sidecart/sidecart/services/user/internal/token"
)

// The key of RFC 8037 appendix A: its thumbprint is in A.3.
const seed = "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A="

func TestTheKeyIsNamedByItsThumbprint(t *testing.T) {
	issuer := token.NewIssuer(time.Minute)
	require.NoError(t, issuer.Use(seed))
	set, err := issuer.KeySet()
	require.NoError(t, err)
	require.Equal(t, []auth.Key{{
		KeyType: "OKP", Curve: "Ed25519", ID: "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k", Use: "sig", Alg: "EdDSA",
		X: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
	}}, set.Keys)
}

func TestWithoutAKeyItIsUnavailable(t *testing.T) {
	issuer := token.NewIssuer(time.Minute)
	_, err := issuer.KeySet()
	require.ErrorIs(t, err, state.ErrUnavailable)
	_, err = issuer.Issue("user", "customer", "session", time.Now())
	require.ErrorIs(t, err, state.ErrUnavailable)
	for _, bad := range []secret.Text{"", "c2hvcnQ=", "no base64"} {
		err := issuer.Use(bad)
		require.Error(t, err)
		if bad != "" {
			require.NotContains(t, err.Error(), bad.Reveal())
		}
	}
}

func TestServicesAcceptTheTokensAndNoOthers(t *testing.T) {
	issuer, foreign := token.NewIssuer(time.Minute), token.NewIssuer(time.Minute)
	require.NoError(t, issuer.Use(seed))
	require.NoError(t, foreign.Use(secret.Text(base64.StdEncoding.EncodeToString(make([]byte, 32)))))
	verifier := auth.NewVerifier(func(context.Context) (auth.KeySet, error) { return issuer.KeySet() })
	claims := func(text secret.Text, err error) (*auth.Claims, error) {
		require.NoError(t, err)
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("Authorization", "Bearer "+text.Reveal())
		return verifier.Claims(r)
	}

	got, err := claims(issuer.Issue("user", "admin", "session", time.Now()))
	require.NoError(t, err)
	require.Equal(t, "user", got.Subject)
	require.Equal(t, "admin", got.Role)
	require.Equal(t, "session", got.Session)

	_, err = claims(issuer.Issue("user", "admin", "session", time.Now().Add(-time.Hour)))
	require.Equal(t, problem.Unauthenticated, problem.From(err).Code)
	_, err = claims(foreign.Issue("user", "admin", "session", time.Now()))
	require.Equal(t, problem.Unauthenticated, problem.From(err).Code)
}
