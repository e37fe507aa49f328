package api

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"
	"github.com/gorilla/mux"
	"github.com/stretchr/testify/require"

	"github.com/sidecart/sidecart/contracts/contracttest"
	"github.com/sidecart/sidecart/services/internal/auth"
	"github.com/sidecart/sidecart/services/internal/event"
	"github.com/sidecart/sidecart/services/internal/problem"
	"github.com/sidecart/sidecart/services/internal/state/statetest"
	"github.com/sidecart/sidecart/services/internal/subscribe"
	"github.com/sidecart/sidecart/services/product/internal/search"
	"github.com/sidecart/sidecart/services/product/internal/store"
)

// replica is a running server on a store and a broker that it may share with others.
type replica struct {
	*Server
	t      *testing.T
	router *mux.Router
	docs   *statetest.Memory
	key    ed25519.PrivateKey
	told   []event.Event
}

func (r *replica) Publish(_ context.Context, _ string, events ...event.Event) error {
	r.told = append(r.told, events...)
	return nil
}

func start(t *testing.T, docs *statetest.Memory) *replica {
	public, private, err := ed25519.GenerateKey(nil)
	require.NoError(t, err)
	index, err := search.New()
	require.NoError(t, err)
	index.Complete()
	r := &replica{t: t, router: mux.NewRouter(), docs: docs, key: private}
	r.Server = New(store.New(docs, r, time.Now), index)
	verifier := auth.NewVerifier(func(context.Context) (auth.KeySet, error) {
		return auth.KeySet{Keys: []auth.Key{{KeyType: "OKP", Curve: "Ed25519", ID: "k", X: base64.RawURLEncoding.EncodeToString(public)}}}, nil
	})
	receiver := subscribe.New(docs, slog.New(slog.DiscardHandler))
	r.Routes(r.router, verifier, receiver)
	return r
}

func (r *replica) token(role string) string {
	token := jwt.NewWithClaims(jwt.SigningMethodEdDSA, auth.Claims{Role: role, Session: "s", RegisteredClaims: jwt.RegisteredClaims{
		Subject: "somebody", Issuer: auth.Issuer, Audience: jwt.ClaimStrings{auth.Issuer}, ExpiresAt: jwt.NewNumericDate(time.Now().Add(time.Minute)),
	}})
	token.Header["kid"] = "k"
	text, err := token.SignedString(r.key)
	require.NoError(r.t, err)
	return text
}

// call makes a request as an administrator and holds the answer to the contract.
func (r *replica) call(method, path, body string, header ...string) *httptest.ResponseRecorder {
	r.t.Helper()
	return r.callAs(auth.Admin, method, path, body, header...)
}

func (r *replica) callAs(role, method, path, body string, header ...string) *httptest.ResponseRecorder {
	r.t.Helper()
	req := httptest.NewRequest(method, path, strings.NewReader(body))
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if role != "" {
		req.Header.Set("Authorization", "Bearer "+r.token(role))
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res := httptest.NewRecorder()
	r.router.ServeHTTP(res, req)
	if !strings.HasPrefix(path, "/events/") {
		contracttest.Answer(r.t, "product", method, path, res.Code, res.Body.Bytes())
	}
	return res
}

func read[T any](t *testing.T, res *httptest.ResponseRecorder, status int) T {
	t.Helper()
	require.Equal(t, status, res.Code, res.Body)
	var value T
	require.NoError(t, json.Unmarshal(res.Body.Bytes(), &value))
	return value
}

// deliver hands events in as the sidecar does and answers the status of each.
func (r *replica) deliver(topic string, events ...any) []string {
	r.t.Helper()
	type entry struct {
		ID    string `json:"entryId"`
		Event any    `json:"event"`
	}
	var entries []entry
	for _, e := range events {
		entries = append(entries, entry{uuid.NewString(), e})
	}
	body, err := json.Marshal(map[string]any{"entries": entries})
	require.NoError(r.t, err)
	answer := read[struct {
		Statuses []struct{ Status string }
	}](r.t, r.callAs("", http.MethodPost, "/events/"+topic, string(body)), 200)
	var statuses []string
	for _, s := range answer.Statuses {
		statuses = append(statuses, s.Status)
	}
	return statuses
}

const mug = `{"name":"Enamel mug","description":"Steel.","category":"kitchen","price":{"amount":1450,"currency":"EUR"}}`

func (r *replica) create(body string) product {
	r.t.Helper()
	return read[product](r.t, r.call("POST", "/products", body), 201)
}

func TestRoutesAndTopicsAreThoseOfTheContract(t *testing.T) {
	r := start(t, statetest.NewMemory())
	contracttest.Routes(t, "product", r.router)
	for _, topic := range r.Topics() {
		contracttest.Hears(t, "product", topic.Name, topic.Types, topic.Ignored)
	}
}

func TestOnlyAdministratorsChangeTheCatalogue(t *testing.T) {
	r := start(t, statetest.NewMemory())
	p := r.create(mug)
	for _, call := range [][3]string{
		{"POST", "/products", mug}, {"PATCH", "/product?id=" + p.ID, `{"retired":true}`}, {"GET", "/dead-letters", ""}, {"POST", "/dead-letters/replay?id=" + p.ID, ""},
	} {
		require.Equal(t, 401, r.callAs("", call[0], call[1], call[2]).Code)
		require.Equal(t, 403, r.callAs("customer", call[0], call[1], call[2]).Code)
	}
	require.Len(t, r.told, 1)
	require.Equal(t, p, read[product](t, r.callAs("", "GET", "/product?id="+p.ID, ""), 200))
	require.Equal(t, []product{p}, read[page](t, r.callAs("", "GET", "/products", ""), 200).Items)
}

func TestTheStoreIsAway(t *testing.T) {
	r := start(t, statetest.NewMemory())
	p := r.create(mug)
	r.docs.Fault = func(string, bool) error { return context.DeadlineExceeded }
	for _, res := range []*httptest.ResponseRecorder{
		r.call("GET", "/product?id="+p.ID, ""), r.call("GET", "/products", ""), r.call("POST", "/products", mug), r.call("PATCH", "/product?id="+p.ID, `{"retired":true}`),
	} {
		require.Equal(t, problem.Unavailable, read[problem.Document](t, res, 503).Code)
		require.NotEmpty(t, res.Header().Get("Retry-After"))
	}
}
