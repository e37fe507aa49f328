package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"github.com/sidecart/sidecart/contracts/contracttest"
	"github.com/sidecart/sidecart/services/internal/auth"
	"github.com/sidecart/sidecart/services/internal/problem"
	"github.com/sidecart/sidecart/test/stack"
)

const (
	mug   = "01890a5d-ac96-774b-bcce-b302099a8101"
	bowl  = "01890a5d-ac96-774b-bcce-b302099a8102"
	sold  = "01890a5d-ac96-774b-bcce-b302099a8201"
	stale = "01890a5d-ac96-774b-bcce-b302099a8202"
)

// peers is one app in place of the user, product and order services, beside a sidecar for each.
func peers(t *testing.T, bench *stack.Bench) (bearer string) {
	t.Helper()
	public, private, err := ed25519.GenerateKey(nil)
	require.NoError(t, err)
	router := http.NewServeMux()
	router.HandleFunc("GET /jwks", func(w http.ResponseWriter, _ *http.Request) {
		_ = problem.WriteJSON(w, http.StatusOK, auth.KeySet{Keys: []auth.Key{{Curve: "Ed25519", ID: "key", X: base64.RawURLEncoding.EncodeToString(public)}}})
	})
	router.HandleFunc("GET /product", func(w http.ResponseWriter, r *http.Request) {
		if id := r.URL.Query().Get("id"); id != mug {
			problem.Write(w, problem.New(problem.NotFound, "no such product"))
			return
		}
		_ = problem.WriteJSON(w, http.StatusOK, map[string]string{"id": mug})
	})
	router.HandleFunc("POST /orders/outcomes", func(w http.ResponseWriter, _ *http.Request) {
		_ = problem.WriteJSON(w, http.StatusOK, json.RawMessage(`{"outcomes":[{"orderId":"`+stale+`","outcome":"cancelled"}]}`))
	})
	app := httptest.NewServer(router)
	t.Cleanup(app.Close)
	at, err := url.Parse(app.URL)
	require.NoError(t, err)
	port, err := strconv.Atoi(at.Port())
	require.NoError(t, err)
	for _, id := range []string{"user", "product", "order"} {
		bench.Sidecar(id, port)
	}
	token := jwt.NewWithClaims(jwt.SigningMethodEdDSA, auth.Claims{Role: auth.Admin, RegisteredClaims: jwt.RegisteredClaims{
		Issuer: auth.Issuer, Audience: jwt.ClaimStrings{auth.Issuer}, Subject: "admin", ExpiresAt: jwt.NewNumericDate(time.Now().Add(time.Hour)),
	}})
	token.Header["kid"] = "key"
	bearer, err = token.SignedString(private)
	require.NoError(t, err)
	return bearer
}

// start runs the service until stop is called, or the test ends.
func start(t *testing.T, sidecar *stack.SidecarHandle, environment map[string]string) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, sidecar.Getenv(environment), io.Discard) }()
	stopped := false
	stop = func() {
		cancel()
		if !stopped {
			require.NoError(t, <-ended)
		}
		stopped = true
	}
	t.Cleanup(stop)
	sidecar.WaitReady(t)
	return stop
}

// shop calls the service through its sidecar.
type shop struct {
	t       *testing.T
	sidecar *stack.SidecarHandle
	bearer  string
}

func (s *shop) send(method, target, body string, header http.Header) (int, []byte) {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), method, s.sidecar.URL+target, bytes.NewReader([]byte(body)))
	require.NoError(s.t, err)
	r.Header = header
	res, err := http.DefaultClient.Do(r)
	require.NoError(s.t, err)
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	require.NoError(s.t, err)
	return res.StatusCode, answer
}

func (s *shop) call(status int, method, path, body string) string {
	s.t.Helper()
	got, answer := s.send(method, path, body, http.Header{
		"Dapr-App-Id": {"inventory"}, "Content-Type": {"application/json"}, "Authorization": {"Bearer " + s.bearer}, "Idempotency-Key": {"key"},
	})
	require.Equal(s.t, status, got, "%s", answer)
	contracttest.Answer(s.t, "inventory", method, path, got, answer)
	return string(answer)
}

func (s *shop) publish(topic, kind, data string) {
	s.t.Helper()
	event := fmt.Sprintf(`{"specversion":"1.0","id":"1","type":%q,"source":"/services/test","subject":"s","datacontenttype":"application/json","data":%s}`, kind, data)
	status, answer := s.send(http.MethodPost, "/v1.0/publish/pubsub/"+topic, event, http.Header{"Content-Type": {"application/cloudevents+json"}})
	require.Equal(s.t, http.StatusNoContent, status, "%s", answer)
}

func (s *shop) eventually(method, path, body, want string) {
	s.t.Helper()
	var got string
	require.Eventually(s.t, func() bool {
		got = s.call(http.StatusOK, method, path, body)
		return got == want+"\n"
	}, 20*time.Second, 50*time.Millisecond, "want %s", want)
}

func TestTheServiceBesideItsSidecar(t *testing.T) {
	bench := stack.NewBench(t)
	s := &shop{t: t, bearer: peers(t, bench), sidecar: bench.Sidecar("inventory", stack.FreePort(t))}
	stop := start(t, s.sidecar, map[string]string{"SWEEP_INTERVAL": "1h", "HOLD_GRACE": "1ms"})

	s.publish("catalog", "product.created.v1", `{"productId":"`+bowl+`","version":1}`)
	s.eventually(http.MethodGet, "/stock/list?page=1", "", `{"items":[{"productId":"`+bowl+`","onHand":0,"received":0,"sold":0,"returned":0,"held":0,"holds":[]}],"nextPage":0}`)
	s.call(http.StatusNotFound, http.MethodPost, "/stock/receipts?productId="+sold, `{"quantity":3}`)
	for range 2 {
		require.JSONEq(t, `{"productId":"`+mug+`","onHand":3,"held":0,"available":3}`, s.call(http.StatusOK, http.MethodPost, "/stock/receipts?productId="+mug, `{"quantity":3}`))
	}
	body := `{"orders":[`
	for _, id := range []string{sold, stale} {
		body += `{"orderId":"` + id + `","expiresAt":"2026-01-01T00:00:00Z","lines":[{"productId":"` + mug + `","quantity":1}]},`
	}
	body = body[:len(body)-1] + `]}`
	for range 2 {
		require.JSONEq(t, `{"results":[{"orderId":"`+sold+`","result":"reserved"},{"orderId":"`+stale+`","result":"reserved"}]}`, s.call(http.StatusOK, http.MethodPost, "/reservations", body))
	}
	s.publish("orders", "order.confirmed.v1", `{"orderId":"`+sold+`","lines":[{"productId":"`+mug+`","name":"Mug","quantity":1}]}`)
	s.eventually(http.MethodGet, "/stock?productId="+mug, "", `{"productId":"`+mug+`","onHand":2,"held":1,"available":1}`)

	// A new process looks after what is left: the order whose time is over was cancelled.
	stop()
	start(t, s.sidecar, map[string]string{"SWEEP_INTERVAL": "1h", "HOLD_GRACE": "1ms"})
	s.eventually(http.MethodGet, "/stock?productId="+mug, "", `{"productId":"`+mug+`","onHand":2,"held":0,"available":2}`)
	s.eventually(http.MethodPost, "/reservations/query", `{"orderIds":["`+sold+`"]}`, `{"reservations":[{"orderId":"`+sold+`","state":"settled","lines":[{"productId":"`+mug+`","quantity":1}]}]}`)
	require.Eventually(t, func() bool {
		length, err := s.sidecar.Redis.Do(0, "XLEN", "stock")
		require.NoError(t, err)
		require.Len(t, length, 1)
		events, err := strconv.Atoi(length[0])
		return err == nil && events >= 2
	}, 20*time.Second, 50*time.Millisecond, "stock.changed.v1 of both products")
}

func TestARunNeedsProperDurations(t *testing.T) {
	for _, name := range []string{"SWEEP_INTERVAL", "HOLD_GRACE"} {
		err := run(t.Context(), func(key string) string {
			return map[string]string{name: "-5s"}[key]
		}, io.Discard)
		require.ErrorContains(t, err, name)
	}
}
