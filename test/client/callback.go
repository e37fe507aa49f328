package client

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// PaymentCallback is what the payment provider does when it has decided on a pending payment:
// outcome authorised or declined, signed as Standard Webhooks ask (id, time and body, HMAC-SHA256).
// secret is the value of payment-webhook-secret, base64 of the key, and id names the message.
func (c Client) PaymentCallback(ctx context.Context, secret, id, orderID, outcome string, at time.Time) error {
	body, err := json.Marshal(map[string]string{"orderId": orderID, "outcome": outcome})
	if err != nil {
		return err
	}
	signature, err := Sign(secret, id, at, body)
	if err != nil {
		return err
	}
	header := http.Header{}
	header.Set("Webhook-Id", id)
	header.Set("Webhook-Timestamp", strconv.FormatInt(at.Unix(), 10))
	header.Set("Webhook-Signature", signature)
	_, _, err = c.Do(ctx, Request{Method: http.MethodPost, Path: "/api/payments/callback", Header: header, Body: body}, nil)
	return err
}

// Sign makes a webhook-signature header.
func Sign(secret, id string, at time.Time, body []byte) (string, error) {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil {
		return "", err
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(id + "." + strconv.FormatInt(at.Unix(), 10) + "."))
	mac.Write(body)
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)), nil
}
