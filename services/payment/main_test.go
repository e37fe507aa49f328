package main

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
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

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sidecart/sidecart/contracts/contracttest"
	"github.com/sidecart/sidecart/services/internal/event"
	"github.com/sidecart/sidecart/test/stack"
)

// The orders of this test; what becomes of each is said where it happens.
const (
	told     = "0f9d2a54-6d0e-5c9b-9a57-3c1f0d3c7a01"
	untold   = "0f9d2a54-6d0e-5c9b-9a57-3c1f0d3c7a02"
	undone   = "0f9d2a54-6d0e-5c9b-9a57-3c1f0d3c7a03"
	waiting  = "0f9d2a54-6d0e-5c9b-9a57-3c1f0d3c7a04"
	slow     = "0f9d2a54-6d0e-5c9b-9a57-3c1f0d3c7a05"
	declined = "0f9d2a54-6d0e-5c9b-9a57-3c1f0d3c7a06"
)

// orderService is an app in its place: it says what became of orders and answers what it is told of payments.
func orderService(t *testing.T, bench *stack.Bench) <-chan event.Event {
	t.Helper()
	heard := make(chan event.Event, 100)
	router := http.NewServeMux()
	router.HandleFunc("POST /orders/outcomes", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"outcomes":[{"orderId":%q,"outcome":"confirmed"},{"orderId":%q,"outcome":"cancelled"}]}`, untold, undone)
	})
	router.HandleFunc("POST /events/{topic}", func(w http.ResponseWriter, r *http.Request) {
		var delivery struct {
			Entries []struct {
				ID    string      `json:"entryId"`
				Event event.Event `json:"event"`
			}
		}
		if err := json.NewDecoder(r.Body).Decode(&delivery); err != nil {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		statuses := []map[string]string{}
		for _, entry := range delivery.Entries {
			heard <- entry.Event
			statuses = append(statuses, map[string]string{"entryId": entry.ID, "status": "SUCCESS"})
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"statuses": statuses})
	})
	app := httptest.NewServer(router)
	t.Cleanup(app.Close)
	at, err := url.Parse(app.URL)
	require.NoError(t, err)
	port, err := strconv.Atoi(at.Port())
	require.NoError(t, err)
	bench.Sidecar("order", port)
	return heard
}

// start runs the service beside its sidecar; stop ends it in order.
func start(t *testing.T, sidecar *stack.SidecarHandle, env map[string]string) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, sidecar.Getenv(env), io.Discard) }()
	stopped := false
	stop = func() {
		if cancel(); !stopped {
			stopped = true
			require.NoError(t, <-ended)
		}
	}
	t.Cleanup(stop)
	sidecar.WaitReady(t)
	return stop
}

func post(t *testing.T, target string, header http.Header, body string) (int, []byte) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, target, bytes.NewReader([]byte(body)))
	require.NoError(t, err)
	r.Header = header
	res, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return res.StatusCode, answer
}

// client is another service: it calls through the sidecar.
type client struct {
	t       *testing.T
	sidecar *stack.SidecarHandle
}

func (c client) call(path, body string, header http.Header) (int, []byte) {
	c.t.Helper()
	if header == nil {
		header = http.Header{}
	}
	header.Set("Dapr-App-Id", "payment")
	header.Set("Content-Type", "application/json")
	return post(c.t, c.sidecar.URL+path, header, body)
}

func (c client) authorise(order, token string) string {
	c.t.Helper()
	status, answer := c.call("/payments/authorise", fmt.Sprintf(
		`{"payments":[{"orderId":%q,"customerId":"customer","amount":{"amount":2900,"currency":"EUR"},"token":%q}]}`, order, token), nil)
	require.Equal(c.t, http.StatusOK, status, "%s", answer)
	var out struct{ Results []struct{ Result string } }
	require.NoError(c.t, json.Unmarshal(answer, &out))
	require.Len(c.t, out.Results, 1)
	return out.Results[0].Result
}

// becomes waits until the payment of an order is in a state.
func (c client) becomes(order, state string) {
	c.t.Helper()
	require.Eventually(c.t, func() bool {
		status, answer := c.call("/payments/query", fmt.Sprintf(`{"orderIds":[%q]}`, order), nil)
		require.Equal(c.t, http.StatusOK, status, "%s", answer)
		return bytes.Contains(answer, []byte(`"state":"`+state+`"`))
	}, 20*time.Second, 20*time.Millisecond, "%s is not %s", order, state)
}

func (c client) callback(secret, order, outcome string) int {
	c.t.Helper()
	key, err := base64.StdEncoding.DecodeString(secret)
	require.NoError(c.t, err)
	body := fmt.Sprintf(`{"orderId":%q,"outcome":%q}`, order, outcome)
	stamp := fmt.Sprint(time.Now().Unix())
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("msg_1." + stamp + "." + body))
	status, _ := c.call("/payments/callback", body, http.Header{
		"Webhook-Id": {"msg_1"}, "Webhook-Timestamp": {stamp}, "Webhook-Signature": {"v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))},
	})
	return status
}

func TestTheServiceBesideItsSidecar(t *testing.T) {
	bench := stack.NewBench(t)
	heard := orderService(t, bench)
	sidecar := bench.Sidecar("payment", stack.FreePort(t))
	stop := start(t, sidecar, nil)
	c := client{t, sidecar}

	for order, want := range map[string][2]string{
		told: {"tok_ok", "authorised"}, untold: {"tok_ok", "authorised"}, undone: {"tok_ok", "authorised"},
		waiting: {"tok_pending", "pending"}, slow: {"tok_slow", "pending"}, declined: {"tok_declined", "declined"},
	} {
		require.Equal(t, want[1], c.authorise(order, want[0]), want[0])
		require.Equal(t, want[1], c.authorise(order, want[0]), "%s again", want[0])
	}

	// A confirmed order is captured by its event.
	status, answer := post(t, sidecar.URL+"/v1.0/publish/pubsub/orders", http.Header{"Content-Type": {"application/cloudevents+json"}}, fmt.Sprintf(
		`{"specversion":"1.0","id":"1","type":"order.confirmed.v1","source":"/services/order","subject":%q,"datacontenttype":"application/json","data":{"orderId":%q}}`, told, told))
	require.Equal(t, http.StatusNoContent, status, "%s", answer)
	c.becomes(told, "captured")

	// The provider's callback and its slow answer are announced.
	require.Equal(t, http.StatusUnauthorized, c.callback(base64.StdEncoding.EncodeToString([]byte("some other secret")), waiting, "declined"))
	require.Equal(t, http.StatusOK, c.callback(bench.Secret("payment-webhook-secret"), waiting, "declined"))
	require.Equal(t, http.StatusConflict, c.callback(bench.Secret("payment-webhook-secret"), waiting, "authorised"))
	kinds := map[string]string{}
	for len(kinds) < 2 {
		select {
		case e := <-heard:
			contracttest.Event(t, e)
			kinds[e.Type] = e.Subject
		case <-time.After(20 * time.Second):
			require.Fail(t, "decisions were not announced", "%v", kinds)
		}
	}
	assert.Contains(t, kinds, "payment.authorised.v1")
	assert.Contains(t, kinds, "payment.declined.v1")

	// Whose news was lost is found by the sweep of the next process.
	stop()
	start(t, sidecar, map[string]string{"CAPTURE_GRACE": "10ms", "SWEEP_INTERVAL": "100ms"})
	c.becomes(untold, "captured")
	c.becomes(undone, "voided")
	c.becomes(slow, "authorised")

	status, answer = c.call("/payments/cancel", fmt.Sprintf(`{"orderIds":[%q,%q]}`, told, slow), nil)
	require.Equal(t, http.StatusOK, status, "%s", answer)
	c.becomes(told, "refunded")
	c.becomes(slow, "voided")
}

func TestWrongSettingsAreRefused(t *testing.T) {
	for _, name := range []string{"PROVIDER_BUDGET", "PROVIDER_TIMEOUT", "CAPTURE_GRACE", "SWEEP_INTERVAL"} {
		for _, value := range []string{"soon", "-1s", "0"} {
			err := run(t.Context(), func(n string) string { return map[string]string{name: value}[n] }, io.Discard)
			require.ErrorContains(t, err, name)
		}
	}
}
