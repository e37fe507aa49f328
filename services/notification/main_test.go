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
	"github.com/sidecart/sidecart/services/notification/internal/message"
	"github.com/sidecart/sidecart/test/stack"
)

const (
	id    = "0f9d2a54-6d0e-5c9b-9a57-3c1f0d3c7a11"
	order = `{"specversion":"1.0","id":"1","source":"/services/order","type":"order.confirmed.v1","datacontenttype":"application/json","subject":"` + id + `",
		"data":{"orderId":"` + id + `","customerId":"01890a5d-ac96-774b-bcce-b302099a8057","version":4,"status":"confirmed","wasConfirmed":true,
		"lines":[{"productId":"p","name":"Mug","quantity":2,"unitPrice":{"amount":1450,"currency":"EUR"}}],
		"total":{"amount":2900,"currency":"EUR"},"placedAt":"2026-01-15T09:30:00Z","updatedAt":"2026-01-15T09:30:01Z"}}`
)

// The service beside a real sidecar that has no e-mail binding: an event that comes twice makes one note, in the inbox.
func TestBesideItsSidecar(t *testing.T) {
	port := stack.FreePort(t)
	sidecar := stack.Sidecar(t, "notification", port)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, sidecar.Getenv(nil), io.Discard) }()
	sidecar.WaitReady(t)

	call := func(c require.TestingT, path, contentType, body string) (int, string) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, sidecar.URL+path, strings.NewReader(body))
		require.NoError(c, err)
		req.Header.Set("Content-Type", contentType)
		req.Header.Set("dapr-app-id", "notification")
		res, err := http.DefaultClient.Do(req)
		require.NoError(c, err)
		defer res.Body.Close()
		answer, err := io.ReadAll(res.Body)
		require.NoError(c, err)
		return res.StatusCode, string(answer)
	}
	for range 2 {
		status, answer := call(t, "/v1.0/publish/pubsub/orders", "application/cloudevents+json", order)
		require.Equal(t, http.StatusNoContent, status, answer)
	}
	status, answer := 0, ""
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		status, answer = call(c, "/notifications/query", "application/json", `{"orderIds":["`+id+`"]}`)
		assert.Equal(c, http.StatusOK, status)
		assert.JSONEq(c, `{"notifications":[{"orderId":"`+id+`","kind":"order_confirmed","channel":"inbox","id":"`+message.ID(message.OrderConfirmed, id, message.Inbox)+`"}]}`, answer)
	}, 20*time.Second, 50*time.Millisecond)
	contracttest.Answer(t, "notification", http.MethodPost, "/notifications/query", status, []byte(answer))

	stop()
	require.NoError(t, <-ended)
}
