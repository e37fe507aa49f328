package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sidecart/sidecart/contracts/contracttest"
	"github.com/sidecart/sidecart/services/internal/event"
	"github.com/sidecart/sidecart/test/stack"
)

// start runs the service beside its sidecar; stop ends it in order.
func start(t *testing.T, sidecar *stack.SidecarHandle) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, sidecar.Getenv(map[string]string{"ACCESS_TOKEN_TTL": "1m"}), io.Discard) }()
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

// invoke calls the service as another one would, through the sidecar, and decodes the answer into dst.
func invoke(t *testing.T, sidecar *stack.SidecarHandle, status int, method, path, bearer string, body, dst any) {
	t.Helper()
	raw, err := json.Marshal(body)
	require.NoError(t, err)
	r, err := http.NewRequestWithContext(t.Context(), method, sidecar.URL+path, bytes.NewReader(raw))
	require.NoError(t, err)
	r.Header.Set("dapr-app-id", "user")
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+bearer)
	res, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	require.Equal(t, status, res.StatusCode, "%s", answer)
	require.NoError(t, json.Unmarshal(answer, dst))
}

// hearUsers is an app in place of the notification service: it answers what it is told of registrations.
func hearUsers(t *testing.T, bench *stack.Bench) <-chan event.Event {
	t.Helper()
	heard := make(chan event.Event, 100)
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var delivery struct {
			Entries []struct {
				ID    string      `json:"entryId"`
				Event event.Event `json:"event"`
			} `json:"entries"`
		}
		if r.URL.Path != "/events/users" || json.NewDecoder(r.Body).Decode(&delivery) != nil {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		statuses := []map[string]string{}
		for _, entry := range delivery.Entries {
			heard <- entry.Event
			statuses = append(statuses, map[string]string{"entryId": entry.ID, "status": "SUCCESS"})
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"statuses": statuses})
	}))
	t.Cleanup(app.Close)
	at, err := url.Parse(app.URL)
	require.NoError(t, err)
	port, err := strconv.Atoi(at.Port())
	require.NoError(t, err)
	bench.Sidecar("notification", port)
	return heard
}

func TestTheServiceBesideItsSidecar(t *testing.T) {
	bench := stack.NewBench(t)
	sidecar := bench.Sidecar("user", stack.FreePort(t))
	heard := hearUsers(t, bench)
	stop := start(t, sidecar)

	type body map[string]string
	var ada struct{ ID, Role string }
	var grant, next struct{ AccessToken, RefreshToken string }
	var admin struct{ AccessToken string }
	credentials := body{"email": "ada@example.com", "password": "correct horse"}
	invoke(t, sidecar, http.StatusCreated, http.MethodPost, "/users", "", body{"email": "ada@example.com", "password": "correct horse", "name": "Ada"}, &ada)
	invoke(t, sidecar, http.StatusConflict, http.MethodPost, "/users", "", body{"email": "ADA@example.com", "password": "other horse", "name": "Ada"}, &map[string]any{})
	invoke(t, sidecar, http.StatusOK, http.MethodPost, "/sessions", "", credentials, &grant)

	// Everybody who registered is announced; the administrator did so when the service started.
	for told := map[string]bool{}; len(told) < 2 || !told[ada.ID]; {
		select {
		case e := <-heard:
			contracttest.Event(t, e)
			told[e.Subject] = true
		case <-time.After(20 * time.Second):
			require.Fail(t, "registrations were not announced", "%v", told)
		}
	}

	// What the store keeps outlives the process; a session expires by itself.
	stop()
	start(t, sidecar)
	invoke(t, sidecar, http.StatusOK, http.MethodGet, "/users/me", grant.AccessToken, nil, &ada)
	require.Equal(t, "customer", ada.Role)
	invoke(t, sidecar, http.StatusOK, http.MethodPost, "/sessions/refresh", "", body{"refreshToken": grant.RefreshToken}, &next)
	session, _, _ := strings.Cut(grant.RefreshToken, ".")
	left, err := sidecar.Redis.Do(1, "TTL", "user||session-"+session)
	require.NoError(t, err)
	seconds, err := strconv.Atoi(left[0])
	require.NoError(t, err)
	require.Greater(t, seconds, 29*24*3600)

	secrets := body{"email": bench.Secret("admin-email"), "password": bench.Secret("admin-password")}
	invoke(t, sidecar, http.StatusOK, http.MethodPost, "/sessions", "", secrets, &admin)
	invoke(t, sidecar, http.StatusOK, http.MethodGet, "/users/me", admin.AccessToken, nil, &ada)
	require.Equal(t, "admin", ada.Role)

	// A used token ends the session, in the real store as in memory.
	invoke(t, sidecar, http.StatusUnauthorized, http.MethodPost, "/sessions/refresh", "", body{"refreshToken": grant.RefreshToken}, &map[string]any{})
	invoke(t, sidecar, http.StatusUnauthorized, http.MethodPost, "/sessions/refresh", "", body{"refreshToken": next.RefreshToken}, &map[string]any{})
}

func TestABadConfigurationIsRefused(t *testing.T) {
	for _, ttl := range []string{"soon", "-1m", "1ms"} {
		err := run(t.Context(), func(name string) string { return map[string]string{"ACCESS_TOKEN_TTL": ttl}[name] }, io.Discard)
		require.ErrorContains(t, err, "ACCESS_TOKEN_TTL")
	}
}
