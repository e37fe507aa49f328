package api_test

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/gorilla/mux"
	"github.com/stretchr/testify/require"

	"github.com/sidecart/sidecart/contracts/contracttest"
	"github.com/sidecart/sidecart/services/cart/internal/api"
	"github.com/sidecart/sidecart/services/cart/internal/cart"
	"github.com/sidecart/sidecart/services/cart/internal/store"
	"github.com/sidecart/sidecart/services/internal/auth"
	"github.com/sidecart/sidecart/services/internal/money"
	"github.com/sidecart/sidecart/services/internal/problem"
	"github.com/sidecart/sidecart/services/internal/state/statetest"
	"github.com/sidecart/sidecart/services/internal/subscribe"
)

const (
	ada = "01890a5d-ac96-774b-bcce-b302099a8057"
	bob = "01890a5d-ac96-774b-bcce-b302099a8058"
	mug = "01890a5d-ac96-774b-bcce-b302099a8101"
	old = "01890a5d-ac96-774b-bcce-b302099a8102"
	usd = "01890a5d-ac96-774b-bcce-b302099a8103"
	tea = "01890a5d-ac96-774b-bcce-b302099a8104"
)

type shelf map[string]cart.Product

func (s shelf) Product(_ context.Context, id string) (cart.Product, bool, error) {
	p, ok := s[id]
	return p, ok, nil
}

// shop is the API on a store in memory.
type shop struct {
	t      *testing.T
	router *mux.Router
	server *api.Server
	store  *statetest.Memory
	key    ed25519.PrivateKey
}

func newShop(t *testing.T) *shop {
	public, private, err := ed25519.GenerateKey(nil)
	require.NoError(t, err)
	keys := auth.KeySet{Keys: []auth.Key{{KeyType: "OKP", Curve: "Ed25519", ID: "key", X: base64.RawURLEncoding.EncodeToString(public)}}}
	memory := statetest.NewMemory()
	euro := money.Money{Amount: 1450, Currency: "EUR"}
	products := store.NewProducts(memory, shelf{
		mug: {ID: mug, Version: 1, Name: "Enamel mug", Price: euro},
		tea: {ID: tea, Version: 1, Name: "Tea", Price: euro},
		old: {ID: old, Version: 3, Name: "Oil lamp", Price: euro, Retired: true},
		usd: {ID: usd, Version: 1, Name: "Root beer", Price: money.Money{Amount: 300, Currency: "USD"}},
	})
	s := &shop{t: t, router: mux.NewRouter(), store: memory, key: private}
	s.server = &api.Server{
		Carts: store.NewCarts(memory, products), Products: products,
		Verifier: auth.NewVerifier(func(context.Context) (auth.KeySet, error) { return keys, nil }),
		Receiver: subscribe.New(memory, slog.New(slog.DiscardHandler)),
	}
	s.server.Routes(s.router)
	return s
}

func (s *shop) bearer(user, role string) string {
	s.t.Helper()
	token := jwt.NewWithClaims(jwt.SigningMethodEdDSA, auth.Claims{
		RegisteredClaims: jwt.RegisteredClaims{Issuer: auth.Issuer, Audience: jwt.ClaimStrings{auth.Issuer}, Subject: user, ExpiresAt: jwt.NewNumericDate(time.Now().Add(time.Minute))},
		Role:             role,
	})
	token.Header["kid"] = "key"
	text, err := token.SignedString(s.key)
	require.NoError(s.t, err)
	return "Bearer " + text
}

// call makes a request and holds the answer to the contract.
func (s *shop) call(method, path, authorization, body string) (int, []byte) {
	s.t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	r.Header.Set("Authorization", authorization)
	w := httptest.NewRecorder()
	s.router.ServeHTTP(w, r)
	contracttest.Answer(s.t, "cart", method, path, w.Code, w.Body.Bytes())
	return w.Code, w.Body.Bytes()
}

func (s *shop) cart(user, method, path, body string) store.View {
	s.t.Helper()
	status, answer := s.call(method, path, s.bearer(user, "customer"), body)
	require.Equal(s.t, http.StatusOK, status, "%s", answer)
	var view store.View
	require.NoError(s.t, json.Unmarshal(answer, &view))
	return view
}

func (s *shop) refused(code problem.Code, field, method, path, authorization, body string) {
	s.t.Helper()
	status, answer := s.call(method, path, authorization, body)
	var doc problem.Document
	require.NoError(s.t, json.Unmarshal(answer, &doc))
	require.Equal(s.t, code, doc.Code, "%s", answer)
	require.Equal(s.t, status, doc.Status)
	if field != "" {
		require.Len(s.t, doc.Fields, 1)
		require.Equal(s.t, field, doc.Fields[0].Field)
	}
}

// deliver hands one event to a topic's route as the sidecar does and answers its status.
func (s *shop) deliver(topic, event string) string {
	s.t.Helper()
	body := fmt.Sprintf(`{"entries":[{"entryId":"1","event":%s}]}`, event)
	w := httptest.NewRecorder()
	s.router.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/events/"+topic, strings.NewReader(body)))
	var answer struct {
		Statuses []struct{ EntryID, Status string }
	}
	require.NoError(s.t, json.Unmarshal(w.Body.Bytes(), &answer))
	require.Len(s.t, answer.Statuses, 1)
	return answer.Statuses[0].Status
}

func (s *shop) letters() []subscribe.Letter {
	s.t.Helper()
	status, answer := s.call(http.MethodGet, "/dead-letters", s.bearer(bob, "admin"), "")
	require.Equal(s.t, http.StatusOK, status)
	var list struct{ Items []subscribe.Letter }
	require.NoError(s.t, json.Unmarshal(answer, &list))
	return list.Items
}
