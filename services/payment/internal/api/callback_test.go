package api_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sidecart/sidecart/contracts/contracttest"
	"github.com/sidecart/sidecart/services/payment/internal/api"
)

// secret is the one of the example in the Standard Webhooks specification.
const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

const order = "0f9d2a54-6d0e-5c9b-9a57-3c1f0d3c7a11"

func signed(t *testing.T, at time.Time, body string) http.Header {
	t.Helper()
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	require.NoError(t, err)
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "msg_1.%d.%s", at.Unix(), body)
	h := http.Header{}
	h.Set("webhook-id", "msg_1")
	h.Set("webhook-timestamp", fmt.Sprint(at.Unix()))
	h.Set("webhook-signature", "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	return h
}

func (s *service) callback(t *testing.T, id, outcome string) (int, map[string]any) {
	t.Helper()
	body := fmt.Sprintf(`{"orderId":%q,"outcome":%q}`, id, outcome)
	return s.call(t, "/payments/callback", signed(t, time.Now(), body), body)
}

// The example of the specification's reference libraries.
func TestTheSpecificationsExampleIsAccepted(t *testing.T) {
	h := http.Header{}
	h.Set("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek")
	h.Set("webhook-timestamp", "1614265330")
	h.Set("webhook-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
	webhook := &api.Webhook{}
	require.NoError(t, webhook.Use(secret))
	require.NoError(t, webhook.Verify(h, []byte(`{"test": 2432232314}`), time.Unix(1614265330, 0)))
	require.Error(t, webhook.Verify(h, []byte(`{"test": 2432232315}`), time.Unix(1614265330, 0)))
}

func TestOnlyAFreshAndFittingSignatureIsAccepted(t *testing.T) {
	body := `{"orderId":"o"}`
	now := time.Now()
	webhook := &api.Webhook{}
	require.ErrorContains(t, webhook.Verify(signed(t, now, body), []byte(body), now), "starting")
	require.NoError(t, webhook.Use(secret))
	for name, c := range map[string]struct {
		accepted bool
		change   func(http.Header)
		at       time.Time
		body     string
	}{
		"as it came":          {true, nil, now, body},
		"4 minutes old":       {true, nil, now.Add(-4 * time.Minute), body},
		"6 minutes old":       {false, nil, now.Add(-6 * time.Minute), body},
		"6 minutes early":     {false, nil, now.Add(6 * time.Minute), body},
		"another body":        {false, nil, now, body + " "},
		"another id":          {false, func(h http.Header) { h.Set("webhook-id", "msg_2") }, now, body},
		"no id":               {false, func(h http.Header) { h.Del("webhook-id") }, now, body},
		"another time":        {false, func(h http.Header) { h.Set("webhook-timestamp", fmt.Sprint(now.Unix()-1)) }, now, body},
		"no time":             {false, func(h http.Header) { h.Del("webhook-timestamp") }, now, body},
		"no signature":        {false, func(h http.Header) { h.Del("webhook-signature") }, now, body},
		"an empty signature":  {false, func(h http.Header) { h.Set("webhook-signature", "v1,") }, now, body},
		"another scheme":      {false, prefix("v1a,", "v1,"), now, body},
		"one of several":      {true, prefix("v1,AAAA v1a,xyz v1,", "v1,"), now, body},
		"none of several":     {false, prefix("v1,AAAA v1,AAA", "v1,"), now, body},
		"without its version": {false, prefix("", "v1,"), now, body},
	} {
		h := signed(t, c.at, body)
		if c.change != nil {
			c.change(h)
		}
		assert.Equal(t, c.accepted, webhook.Verify(h, []byte(c.body), now) == nil, name)
	}
}

func prefix(to, from string) func(http.Header) {
	return func(h http.Header) {
		h.Set("webhook-signature", to+strings.TrimPrefix(h.Get("webhook-signature"), from))
	}
}

func TestASecretThatIsNoneIsRefusedAndNotQuoted(t *testing.T) {
	for _, bad := range []string{"", "whsec_", "c2hvcnQ=", "not base64 at all, but long enough"} {
		err := (&api.Webhook{}).Use(bad)
		require.Error(t, err)
		if bad != "" {
			assert.NotContains(t, err.Error(), bad)
		}
	}
}

func TestACallbackDecidesAPendingPaymentOnce(t *testing.T) {
	s := newService(t)
	status, _ := s.callback(t, order, "authorised")
	require.Equal(t, http.StatusNotFound, status)
	require.Equal(t, []string{order + " pending"}, s.authorise(t, item(order, "tok_pending")))
	for range 2 {
		status, answer := s.callback(t, order, "authorised")
		require.Equal(t, http.StatusOK, status)
		assert.Equal(t, map[string]any{"orderId": order, "state": "authorised"}, answer)
	}
	status, _ = s.callback(t, order, "declined")
	assert.Equal(t, http.StatusConflict, status)
	require.Len(t, s.broker.events, 1)
	contracttest.Event(t, s.broker.events[0])
	assert.Equal(t, "payment.authorised.v1", s.broker.events[0].Type)
	assert.Equal(t, []string{order + " authorised"}, s.authorise(t, item(order, "tok_pending")))

	require.Equal(t, []string{"SUCCESS"}, s.deliver(t, confirmed(t, order)))
	status, answer := s.callback(t, order, "authorised")
	assert.Equal(t, http.StatusOK, status)
	assert.Equal(t, "captured", answer["state"])
}

func TestACallbackAfterTheCancellationIsAConflict(t *testing.T) {
	s := newService(t)
	s.authorise(t, item(order, "tok_pending"))
	s.call(t, "/payments/cancel", nil, fmt.Sprintf(`{"orderIds":[%q]}`, order))
	status, _ := s.callback(t, order, "authorised")
	assert.Equal(t, http.StatusConflict, status)
	assert.Equal(t, "voided", s.state(t, order)["state"])
	assert.Empty(t, s.broker.events)
}

func TestACallbackIsNotAcknowledgedBeforeItIsDurable(t *testing.T) {
	s := newService(t)
	s.authorise(t, item(order, "tok_pending"))
	s.docs.Fault = func(key string, applied bool) error {
		if key == "payment-"+order && !applied {
			return errors.New("down")
		}
		return nil
	}
	status, _ := s.callback(t, order, "declined")
	assert.Equal(t, http.StatusServiceUnavailable, status)
	s.docs.Fault = nil
	assert.Equal(t, "pending", s.state(t, order)["state"])
	status, _ = s.callback(t, order, "declined")
	assert.Equal(t, http.StatusOK, status)
}

func TestACallbackThatIsNoneHasNoEffect(t *testing.T) {
	s := newService(t)
	s.authorise(t, item(order, "tok_pending"))
	body := fmt.Sprintf(`{"orderId":%q,"outcome":"authorised"}`, order)
	for _, c := range []struct {
		body   string
		header http.Header
		status int
	}{
		{body, http.Header{}, http.StatusUnauthorized},
		{strings.Replace(body, "authorised", "declined", 1), signed(t, time.Now(), body), http.StatusUnauthorized},
		{`{"orderId":"o","outcome":"captured"}`, nil, http.StatusUnprocessableEntity},
		{`{"orderId":"","outcome":"declined"}`, nil, http.StatusUnprocessableEntity},
		{`{"orderId":"o","outcome":"declined","extra":1}`, nil, http.StatusBadRequest},
		{`nonsense`, nil, http.StatusBadRequest},
		{strings.Repeat(" ", 1<<20) + body, nil, http.StatusRequestEntityTooLarge},
	} {
		if c.header == nil {
			c.header = signed(t, time.Now(), c.body)
		}
		status, _ := s.call(t, "/payments/callback", c.header, c.body)
		assert.Equal(t, c.status, status)
	}
	assert.Equal(t, "pending", s.state(t, order)["state"])
}
