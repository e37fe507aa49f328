package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/mux"
	"github.com/stretchr/testify/require"

	"github.com/sidecart/sidecart/contracts/contracttest"
	"github.com/sidecart/sidecart/services/internal/auth"
	"github.com/sidecart/sidecart/services/internal/event"
	"github.com/sidecart/sidecart/services/internal/problem"
	"github.com/sidecart/sidecart/services/internal/state/statetest"
	"github.com/sidecart/sidecart/services/user/internal/access"
	"github.com/sidecart/sidecart/services/user/internal/api"
	"github.com/sidecart/sidecart/services/user/internal/password"
	"github.com/sidecart/sidecart/services/user/internal/token"
)

type nobody struct{}

func (nobody) Publish(context.Context, string, ...event.Event) error { return nil }

// shop is the API on a store in memory; log is everything that it logs.
type shop struct {
	t        *testing.T
	router   *mux.Router
	store    *statetest.Memory
	accounts *access.Accounts
	issuer   *token.Issuer
	log      *bytes.Buffer
}

func newShop(t *testing.T) *shop {
	s := &shop{t: t, router: mux.NewRouter(), store: statetest.NewMemory(), log: &bytes.Buffer{}, issuer: token.NewIssuer(15 * time.Minute)}
	log := slog.New(slog.NewJSONHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	before := slog.Default()
	slog.SetDefault(log)
	t.Cleanup(func() { slog.SetDefault(before) })
	require.NoError(t, s.issuer.Use("nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A="))
	s.accounts = access.NewAccounts(s.store, nobody{}, password.New(password.Params{Memory: 16, Time: 1, Threads: 1}, 2), log)
	server := &api.Server{
		Accounts: s.accounts, Sessions: access.NewSessions(s.store, s.accounts), Issuer: s.issuer,
		Verifier: auth.NewVerifier(func(context.Context) (auth.KeySet, error) { return s.issuer.KeySet() }),
	}
	server.Routes(s.router)
	return s
}

// call makes a request and holds the answer to the contract.
func (s *shop) call(method, path, bearer, body string) (int, []byte) {
	s.t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if bearer != "" {
		r.Header.Set("Authorization", "Bearer "+bearer)
	}
	w := httptest.NewRecorder()
	s.router.ServeHTTP(w, r)
	contracttest.Answer(s.t, "user", method, path, w.Code, w.Body.Bytes())
	return w.Code, w.Body.Bytes()
}

// ok makes a request that succeeds and decodes the answer.
func (s *shop) ok(dst any, status int, method, path, bearer, body string) {
	s.t.Helper()
	got, answer := s.call(method, path, bearer, body)
	require.Equal(s.t, status, got, "%s", answer)
	require.NoError(s.t, json.Unmarshal(answer, dst))
}

// refused makes a request that is refused with that code about that field.
func (s *shop) refused(code problem.Code, field, method, path, bearer, body string) {
	s.t.Helper()
	status, answer := s.call(method, path, bearer, body)
	var doc problem.Document
	require.NoError(s.t, json.Unmarshal(answer, &doc))
	require.Equal(s.t, code, doc.Code, "%s", answer)
	require.Equal(s.t, status, doc.Status)
	if field == "" {
		require.Empty(s.t, doc.Fields)
		return
	}
	require.Len(s.t, doc.Fields, 1)
	require.Equal(s.t, field, doc.Fields[0].Field)
}

type user struct{ ID, Email, Name, Role string }

type grant struct {
	AccessToken, RefreshToken string
	ExpiresIn                 int
}

const (
	ada    = `{"email":"ada@example.com","password":"correct horse","name":"Ada"}`
	signIn = `{"email":"ada@example.com","password":"correct horse"}`
)

func TestRoutesAreThoseOfTheContract(t *testing.T) {
	contracttest.Routes(t, "user", newShop(t).router)
}

func TestFromRegistrationToSigningOut(t *testing.T) {
	s := newShop(t)
	var registered, me, contact user
	s.ok(&registered, http.StatusCreated, http.MethodPost, "/users", "", ada)
	require.Equal(t, user{registered.ID, "ada@example.com", "Ada", "customer"}, registered)

	var first, second grant
	s.ok(&first, http.StatusOK, http.MethodPost, "/sessions", "", signIn)
	require.Equal(t, 900, first.ExpiresIn)
	s.ok(&me, http.StatusOK, http.MethodGet, "/users/me", first.AccessToken, "")
	require.Equal(t, registered, me)
	s.ok(&contact, http.StatusOK, http.MethodGet, "/user/contact?id="+registered.ID, "", "")
	require.Equal(t, user{registered.ID, "ada@example.com", "Ada", ""}, contact)

	s.ok(&second, http.StatusOK, http.MethodPost, "/sessions/refresh", "", `{"refreshToken":"`+first.RefreshToken+`"}`)
	s.ok(&me, http.StatusOK, http.MethodGet, "/users/me", second.AccessToken, "")
	var out struct{ SignedOut bool }
	s.ok(&out, http.StatusOK, http.MethodDelete, "/sessions", second.AccessToken, "")
	require.True(t, out.SignedOut)
	s.refused(problem.Unauthenticated, "", http.MethodPost, "/sessions/refresh", "", `{"refreshToken":"`+second.RefreshToken+`"}`)
}

func TestAStolenRefreshTokenEndsTheSession(t *testing.T) {
	s := newShop(t)
	var who user
	var stolen, next, other grant
	s.ok(&who, http.StatusCreated, http.MethodPost, "/users", "", ada)
	s.ok(&stolen, http.StatusOK, http.MethodPost, "/sessions", "", signIn)
	s.ok(&other, http.StatusOK, http.MethodPost, "/sessions", "", signIn)
	s.ok(&next, http.StatusOK, http.MethodPost, "/sessions/refresh", "", `{"refreshToken":"`+stolen.RefreshToken+`"}`)
	s.refused(problem.Unauthenticated, "", http.MethodPost, "/sessions/refresh", "", `{"refreshToken":"`+stolen.RefreshToken+`"}`)
	s.refused(problem.Unauthenticated, "", http.MethodPost, "/sessions/refresh", "", `{"refreshToken":"`+next.RefreshToken+`"}`)
	// Another session of the same user is not concerned.
	s.ok(&other, http.StatusOK, http.MethodPost, "/sessions/refresh", "", `{"refreshToken":"`+other.RefreshToken+`"}`)
}

func TestBadRequestsAreRefusedByName(t *testing.T) {
	s := newShop(t)
	var who user
	s.ok(&who, http.StatusCreated, http.MethodPost, "/users", "", ada)
	post := http.MethodPost
	s.refused(problem.Conflict, "email", post, "/users", "", strings.Replace(ada, "ada@", "ADA@", 1))
	s.refused(problem.Invalid, "email", post, "/users", "", `{"email":"no address","password":"correct horse","name":"Eve"}`)
	s.refused(problem.Invalid, "password", post, "/users", "", `{"email":"eve@example.com","password":"short","name":"Eve"}`)
	s.refused(problem.Invalid, "password", post, "/users", "", `{"email":"eve@example.com","password":12345678,"name":"Eve"}`)
	s.refused(problem.Invalid, "name", post, "/users", "", `{"email":"eve@example.com","password":"correct horse"}`)
	s.refused(problem.UnknownField, "role", post, "/users", "", `{"email":"eve@example.com","password":"correct horse","name":"Eve","role":"admin"}`)
	s.refused(problem.MalformedJSON, "", post, "/users", "", `{`)
	s.refused(problem.UnsupportedMediaType, "Content-Type", post, "/users", "", "")
	s.refused(problem.Unauthenticated, "", post, "/sessions", "", `{"email":"ada@example.com","password":"wrong horse"}`)
	s.refused(problem.Unauthenticated, "", post, "/sessions", "", `{"email":"eve@example.com","password":"correct horse"}`)
	s.refused(problem.Invalid, "email", post, "/sessions", "", `{"password":"correct horse"}`)
	s.refused(problem.Invalid, "password", post, "/sessions", "", `{"email":"ada@example.com"}`)
	s.refused(problem.Invalid, "refreshToken", post, "/sessions/refresh", "", `{}`)
	s.refused(problem.Unauthenticated, "", post, "/sessions/refresh", "", `{"refreshToken":"nonsense"}`)
	s.refused(problem.Unauthenticated, "Authorization", http.MethodGet, "/users/me", "", "")
	s.refused(problem.Unauthenticated, "Authorization", http.MethodDelete, "/sessions", "nonsense", "")
	s.refused(problem.InvalidParameter, "id", http.MethodGet, "/user/contact", "", "")
	s.refused(problem.NotFound, "", http.MethodGet, "/user/contact?id=nobody", "", "")
}

func TestAWrongPasswordAndAnUnknownAddressGetTheSameAnswer(t *testing.T) {
	s := newShop(t)
	s.ok(&user{}, http.StatusCreated, http.MethodPost, "/users", "", ada)
	_, wrong := s.call(http.MethodPost, "/sessions", "", `{"email":"ada@example.com","password":"wrong horse"}`)
	_, unknown := s.call(http.MethodPost, "/sessions", "", `{"email":"eve@example.com","password":"wrong horse"}`)
	require.Equal(t, string(wrong), string(unknown))
}

func TestAnExpiredAccessTokenIsRefused(t *testing.T) {
	s := newShop(t)
	expired, err := s.issuer.Issue("user", "customer", "session", time.Now().Add(-time.Hour))
	require.NoError(t, err)
	s.refused(problem.Unauthenticated, "Authorization", http.MethodGet, "/users/me", expired.Reveal(), "")
}

func TestKeysAreServed(t *testing.T) {
	s := newShop(t)
	var set auth.KeySet
	s.ok(&set, http.StatusOK, http.MethodGet, "/jwks", "", "")
	require.Len(t, set.Keys, 1)
}

func TestAStoreThatFailsIsUnavailableAndNothingPersonalIsLogged(t *testing.T) {
	s := newShop(t)
	var who user
	var got grant
	s.ok(&who, http.StatusCreated, http.MethodPost, "/users", "", ada)
	s.ok(&got, http.StatusOK, http.MethodPost, "/sessions", "", signIn)
	s.store.Fault = func(string, bool) error { return context.DeadlineExceeded }
	s.refused(problem.Unavailable, "", http.MethodPost, "/users", "", ada)
	s.refused(problem.Unavailable, "", http.MethodPost, "/sessions", "", signIn)
	s.refused(problem.Unavailable, "", http.MethodPost, "/sessions/refresh", "", `{"refreshToken":"`+got.RefreshToken+`"}`)
	s.refused(problem.Unavailable, "", http.MethodGet, "/users/me", got.AccessToken, "")
	require.Contains(t, s.log.String(), "request failed")
	for _, hidden := range []string{"ada@example.com", "Ada", "correct horse", "argon2id", got.AccessToken, got.RefreshToken} {
		require.NotContains(t, s.log.String(), hidden)
	}
}
