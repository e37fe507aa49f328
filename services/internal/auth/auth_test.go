package auth_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sidecart/sidecart/services/internal/auth"
	"github.com/sidecart/sidecart/services/internal/auth/authtest"
	"github.com/sidecart/sidecart/services/internal/serve"
)

func status(handler serve.Handler, authorization string) int {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("Authorization", authorization)
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	return w.Code
}

func TestWhoMayPass(t *testing.T) {
	signer, stranger := authtest.New(t), authtest.New(t)
	verifier := signer.Verifier()
	handler := func(w http.ResponseWriter, r *http.Request) error {
		require.Equal(t, "u1", auth.From(r.Context()).Subject)
		return nil
	}
	valid := "Bearer " + signer.Token("u1", "customer", time.Minute)
	require.Equal(t, 200, status(verifier.Customer(handler), valid))
	require.Equal(t, 403, status(verifier.Administrator(handler), valid))
	require.Equal(t, 200, status(verifier.Administrator(handler), "Bearer "+signer.Token("u1", auth.Admin, time.Minute)))
	for what, header := range map[string]string{
		"none": "", "not bearer": "Basic eDp5", "garbage": "Bearer x.y.z", "expired": "Bearer " + signer.Token("u1", "customer", -time.Minute),
		"another key": "Bearer " + stranger.Token("u1", "customer", time.Minute), "no subject": "Bearer " + signer.Token("", "customer", time.Minute),
		"tampered": valid[:len(valid)-3] + "AAA",
	} {
		require.Equal(t, 401, status(verifier.Customer(handler), header), what)
	}
}

// A forged token names a key that nobody has, and the user service hangs: others are not kept waiting.
func TestAForgedKeyIDHoldsNobodyUp(t *testing.T) {
	signer := authtest.New(t)
	hang := make(chan struct{})
	defer close(hang)
	asked := make(chan struct{}, 1)
	keys := signer.Keys()
	fetched := false
	verifier := auth.NewVerifier(func(context.Context) (auth.KeySet, error) {
		if !fetched {
			fetched = true
			return keys, nil
		}
		asked <- struct{}{}
		<-hang
		return auth.KeySet{}, errors.New("hangs")
	})
	handler := verifier.Customer(func(http.ResponseWriter, *http.Request) error { return nil })
	valid := "Bearer " + signer.Token("u1", "customer", time.Minute)
	require.Equal(t, 200, status(handler, valid))
	verifier.Forget()
	go status(handler, "Bearer "+signer.Forged())
	<-asked
	require.Equal(t, 200, status(handler, valid))
}
