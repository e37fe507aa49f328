package main

import (
	"crypto/ed25519"
	"encoding/base64"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/gorilla/mux"
	"github.com/stretchr/testify/require"

	"github.com/sidecart/sidecart/contracts/contracttest"
	"github.com/sidecart/sidecart/services/internal/auth"
	"github.com/sidecart/sidecart/services/internal/dapr"
	"github.com/sidecart/sidecart/services/internal/problem"
)

// sidecarToken is the API token between the gateway and its sidecar.
const sidecarToken = "token-of-the-sidecar"

// sidecar stands in for daprd, as it has to misbehave; it signs tokens like the user service.
type sidecar struct {
	*httptest.Server
	private ed25519.PrivateKey

	mu sync.Mutex
	// answer is the service's; calls are the requests that it got, with their bodies.
	answer http.HandlerFunc
	calls  []call
}

type call struct {
	App, Method, Path, Body string
	Query                   url.Values
	Header                  http.Header
}

func newSidecar(t *testing.T) *sidecar {
	t.Helper()
	_, private, err := ed25519.GenerateKey(nil)
	require.NoError(t, err)
	s := &sidecar{private: private}
	s.Server = httptest.NewServer(http.HandlerFunc(s.serve))
	t.Cleanup(s.Close)
	s.does(func(w http.ResponseWriter, _ *http.Request) {
		_ = problem.WriteJSON(w, http.StatusOK, map[string]string{"ok": "yes"})
	})
	return s
}

func (s *sidecar) serve(w http.ResponseWriter, r *http.Request) {
	switch app := r.Header.Get("dapr-app-id"); {
	case r.URL.Path == "/v1.0/healthz/outbound":
		w.WriteHeader(http.StatusNoContent)
	case app == "user" && r.URL.Path == "/jwks" && r.Header.Get("Accept") != "application/jwk-set+json":
		x := base64.RawURLEncoding.EncodeToString(s.private.Public().(ed25519.PublicKey))
		_ = problem.WriteJSON(w, http.StatusOK, auth.KeySet{Keys: []auth.Key{{KeyType: "OKP", Curve: "Ed25519", ID: "key", Use: "sig", Alg: "EdDSA", X: x}}})
	default:
		body, _ := io.ReadAll(r.Body)
		s.mu.Lock()
		s.calls = append(s.calls, call{app, r.Method, r.URL.Path, string(body), r.URL.Query(), r.Header.Clone()})
		answer := s.answer
		s.mu.Unlock()
		answer(w, r)
	}
}

// does sets what the services answer from now on.
func (s *sidecar) does(answer http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer, s.calls = answer, nil
}

// heard are the calls since does.
func (s *sidecar) heard() []call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls
}

func (s *sidecar) port(t *testing.T) string {
	t.Helper()
	address, err := url.Parse(s.URL)
	require.NoError(t, err)
	return address.Port()
}

// token signs an access token of a role; it expires after the given time.
func (s *sidecar) token(t *testing.T, role string, expires time.Duration) string {
	t.Helper()
	return sign(t, s.private, role, expires)
}

func sign(t *testing.T, private ed25519.PrivateKey, role string, expires time.Duration) string {
	t.Helper()
	now := time.Now()
	token := jwt.NewWithClaims(jwt.SigningMethodEdDSA, auth.Claims{Role: role, Session: "session", RegisteredClaims: jwt.RegisteredClaims{
		Issuer: auth.Issuer, Audience: jwt.ClaimStrings{auth.Issuer}, Subject: "somebody", ExpiresAt: jwt.NewNumericDate(now.Add(expires)),
	}})
	token.Header["kid"] = "key"
	text, err := token.SignedString(private)
	require.NoError(t, err)
	return text
}

// shop is a gateway in front of a stand-in sidecar.
type shop struct {
	*gateway
	stand  *sidecar
	router *mux.Router
	server *httptest.Server
	// customer and admin are headers with a good token.
	customer, admin http.Header
}

func newShop(t *testing.T, routes []route) *shop {
	t.Helper()
	stand := newSidecar(t)
	client, err := dapr.Dial("127.0.0.1", stand.port(t), "1", sidecarToken)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, client.Close()) })
	g := &gateway{
		sidecar: client, verifier: auth.FromUser(client), log: slog.New(slog.NewTextHandler(io.Discard, nil)),
		all: newLimiter(1e6, 1e6), passwords: newLimiter(1e6, 1e6),
	}
	router := mux.NewRouter()
	router.NotFoundHandler = http.NotFoundHandler()
	router.MethodNotAllowedHandler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		problem.Write(w, problem.New(problem.MethodNotAllowed, "no"))
	})
	require.NoError(t, g.mount(router, routes))
	server := httptest.NewServer(router)
	t.Cleanup(server.Close)
	bearer := func(role string) http.Header {
		return http.Header{"Authorization": {"Bearer " + stand.token(t, role, time.Hour)}}
	}
	return &shop{g, stand, router, server, bearer("customer"), bearer(auth.Admin)}
}

// answer is what a client gets.
type answer struct {
	status int
	header http.Header
	body   string
}

// send makes a request; a body is sent as JSON unless the header says otherwise.
func (s *shop) send(t *testing.T, method, target, body string, header http.Header) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.server.URL+target, strings.NewReader(body))
	require.NoError(t, err)
	if header != nil {
		req.Header = header.Clone()
	}
	if body != "" && req.Header.Get("Content-Type") == "" {
		req.Header.Set("Content-Type", "application/json")
	}
	// No redirects: they would be followed with the same credentials.
	res, err := http.DefaultTransport.RoundTrip(req)
	require.NoError(t, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return answer{res.StatusCode, res.Header, string(text)}
}

// requireProblem wants the gateway's own refusal, as the public contract describes it.
func requireProblem(t *testing.T, got answer, code problem.Code, method, path string) {
	t.Helper()
	require.Contains(t, got.body, `"code":"`+string(code)+`"`)
	require.Equal(t, (&problem.Error{Code: code}).Status(), got.status)
	require.Equal(t, "application/problem+json", got.header.Get("Content-Type"))
	require.Equal(t, "no-store", got.header.Get("Cache-Control"))
	contracttest.Answer(t, "public", method, path, got.status, []byte(got.body))
}
