package main

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sidecart/sidecart/contracts/contracttest"
	"github.com/sidecart/sidecart/test/stack"
)

const (
	id       = "0f9d2a54-6d0e-5c9b-9a57-3c1f0d3c7a11"
	envelope = `{"specversion":"1.0","source":"/services/order","datacontenttype":"application/json","subject":"` + id + `",`
	snapshot = `"orderId":"` + id + `","customerId":"01890a5d-ac96-774b-bcce-b302099a8057",
		"lines":[{"productId":"p","name":"Mug","quantity":2,"unitPrice":{"amount":1450,"currency":"EUR"}}],
		"total":{"amount":2900,"currency":"EUR"},"placedAt":"2026-01-15T09:30:00Z","updatedAt":"2026-01-15T09:30:01Z"`
)

// The service beside a real sidecar: events that the broker has reach the entries, the latest
// version wins whichever topic brings it, and what no snapshot can be made of holds nothing up.
func TestBesideItsSidecar(t *testing.T) {
	port := stack.FreePort(t)
	sidecar := stack.Sidecar(t, "orderquery", port)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, sidecar.Getenv(nil), io.Discard) }()
	sidecar.WaitReady(t)

	call := func(c require.TestingT, path, contentType, body string) (int, string) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, sidecar.URL+path, strings.NewReader(body))
		require.NoError(c, err)
		req.Header.Set("Content-Type", contentType)
		req.Header.Set("dapr-app-id", "orderquery")
		res, err := http.DefaultClient.Do(req)
		require.NoError(c, err)
		defer res.Body.Close()
		answer, err := io.ReadAll(res.Body)
		require.NoError(c, err)
		return res.StatusCode, string(answer)
	}
	publish := func(topic, event string) {
		status, answer := call(t, "/v1.0/publish/pubsub/"+topic, "application/cloudevents+json", event)
		require.Equal(t, http.StatusNoContent, status, answer)
	}
	publish("orders", `{"not":"an event"}`)
	publish("orders", envelope+`"id":"2","type":"order.confirmed.v1","data":{`+snapshot+`,"version":4,"status":"confirmed","wasConfirmed":true}}`)
	publish("checkout", envelope+`"id":"1","type":"order.submitted.v1","data":{`+snapshot+`,"version":1,"status":"submitted","wasConfirmed":false}}`)
	status, answer := 0, ""
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		status, answer = call(c, "/entries/query", "application/json", `{"orderIds":["`+id+`"]}`)
		assert.Equal(c, http.StatusOK, status)
		assert.JSONEq(c, `{"entries":[{`+snapshot+`,"version":4,"status":"confirmed","wasConfirmed":true}]}`, answer)
	}, 20*time.Second, 50*time.Millisecond)
	contracttest.Answer(t, "orderquery", http.MethodPost, "/entries/query", status, []byte(answer))

	stop()
	require.NoError(t, <-ended)
}
