package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sidecart/sidecart/services/internal/problem"
)

// start runs the gateway on a free port and answers its URL, a function that waits for a
// message in its log, and what run returned after stop.
func start(t *testing.T, stand *sidecar) (base string, logged func(message string) map[string]string, stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	reader, writer := io.Pipe()
	environment := map[string]string{"APP_PORT": "0", "DAPR_HTTP_PORT": stand.port(t), "DAPR_GRPC_PORT": "1"}
	ended := make(chan error, 1)
	go func() {
		err := run(ctx, func(name string) string { return environment[name] }, writer)
		_ = writer.Close()
		ended <- err
	}()
	lines := make(chan map[string]string, 1000)
	go func() {
		defer close(lines)
		for scanner := bufio.NewScanner(reader); scanner.Scan(); {
			line := map[string]string{}
			if json.Unmarshal(scanner.Bytes(), &line) == nil {
				lines <- line
			}
		}
	}()
	logged = func(message string) map[string]string {
		t.Helper()
		late := time.After(20 * time.Second)
		for {
			select {
			case line, ok := <-lines:
				require.True(t, ok, "the gateway ended and did not log %q", message)
				if line["msg"] == message {
					return line
				}
			case <-late:
				require.Fail(t, "not logged in time", message)
			}
		}
	}
	base = "http://" + logged("listening")["address"]
	return base, logged, func() error { cancel(); return <-ended }
}

func status(t *testing.T, target string) int {
	t.Helper()
	res, err := http.Get(target)
	require.NoError(t, err)
	defer res.Body.Close()
	return res.StatusCode
}

func TestTheGatewayIsReadyWhenEveryServiceIs(t *testing.T) {
	stand := newSidecar(t)
	var asked atomic.Int32
	missing := make(chan struct{}, 1)
	var open atomic.Bool
	stand.does(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/readyz" {
			problem.Write(w, problem.New(problem.NotFound, "no such path"))
			return
		}
		asked.Add(1)
		if r.Header.Get("dapr-app-id") == "product" && !open.Load() {
			select {
			case missing <- struct{}{}:
			default:
			}
			w.WriteHeader(http.StatusOK) // as a sidecar says of a dead app
			return
		}
		_ = problem.WriteJSON(w, http.StatusOK, map[string]string{"status": "ready"})
	})
	base, logged, stop := start(t, stand)
	<-missing
	assert.Equal(t, http.StatusOK, status(t, base+"/healthz"))
	assert.Equal(t, http.StatusServiceUnavailable, status(t, base+"/readyz"))
	open.Store(true)
	logged("ready")
	assert.Equal(t, http.StatusOK, status(t, base+"/readyz"))
	assert.GreaterOrEqual(t, asked.Load(), int32(8+1))

	heard := map[string]bool{}
	for _, call := range stand.heard() {
		heard[call.App] = true
	}
	assert.Len(t, heard, 8, "every service is asked: %v", heard)

	res, err := http.Get(base + "/api/products")
	require.NoError(t, err)
	defer res.Body.Close()
	assert.Equal(t, http.StatusNotFound, res.StatusCode)
	assert.Len(t, res.Header.Get("X-Trace-Id"), 32)
	assert.NotEmpty(t, stand.heard()[len(stand.heard())-1].Header.Get("Traceparent"), "the trace goes on")
	require.NoError(t, stop())
}

func TestARequestUnderWayIsFinished(t *testing.T) {
	stand := newSidecar(t)
	arrived, proceed := make(chan struct{}), make(chan struct{})
	stand.does(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/products" {
			close(arrived)
			<-proceed
		}
		_ = problem.WriteJSON(w, http.StatusOK, map[string]string{"status": "ready"})
	})
	base, logged, stop := start(t, stand)
	logged("ready")
	answered := make(chan int, 1)
	go func() {
		got := 0
		if res, err := http.Get(base + "/api/products"); assert.NoError(t, err) {
			got = res.StatusCode
			_ = res.Body.Close()
		}
		answered <- got
	}()
	<-arrived
	stopped := make(chan error, 1)
	go func() { stopped <- stop() }()
	require.Eventually(t, func() bool {
		res, err := http.Get(base + "/healthz")
		if err == nil {
			_ = res.Body.Close()
		}
		return err != nil
	}, 10*time.Second, time.Millisecond, "no new connections are taken")
	close(proceed)
	assert.Equal(t, http.StatusOK, <-answered)
	require.NoError(t, <-stopped)
}

func TestALimitMustBeANumberOfAtLeastOne(t *testing.T) {
	for _, text := range []string{"many", "0", "-1", "0.5", "NaN", "Inf"} {
		_, err := perSecond(func(string) string { return text }, "RATE_LIMIT", 1)
		assert.ErrorContains(t, err, "RATE_LIMIT", text)
	}
	n, err := perSecond(func(string) string { return "" }, "RATE_LIMIT", 7)
	require.NoError(t, err)
	assert.InDelta(t, 7, n, 0)
}
