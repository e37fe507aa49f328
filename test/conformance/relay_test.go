//go:build conformance

package conformance

import (
	"errors"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The environment in which the test's own program is a relay instead.
const relayAt, relayTo = "CONFORMANCE_RELAY_AT", "CONFORMANCE_RELAY_TO"

// relay is the process of a stand-in service: it hands each request to the test and the answer
// back. So the test says what the service does, and the service can die by kill -9.
func relay(at, to string) error {
	// Its standard input ends with the test, however that ends.
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: to})
	proxy.ErrorLog = log.New(io.Discard, "", 0)
	server := &http.Server{
		Addr: at, Handler: proxy, ErrorLog: proxy.ErrorLog, ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout: time.Minute, WriteTimeout: time.Minute, IdleTimeout: time.Minute,
	}
	return server.ListenAndServe()
}

// startRelay runs the relay in a process of its own and waits until it listens.
func startRelay(t *testing.T, port int, upstream string) (kill9 func()) {
	t.Helper()
	at := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), relayAt+"="+at, relayTo+"="+upstream)
	cmd.Stderr = os.Stderr
	alive, err := cmd.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	gone := make(chan error, 1)
	go func() { gone <- cmd.Wait() }()
	require.Eventually(t, func() bool {
		conn, err := net.DialTimeout("tcp", at, time.Second)
		if err == nil {
			err = conn.Close()
		}
		return err == nil || len(gone) > 0
	}, patience, 10*time.Millisecond)
	require.Empty(t, gone, "the relay has ended")
	return func() {
		if err := cmd.Process.Kill(); !errors.Is(err, os.ErrProcessDone) {
			<-gone
		}
		_ = alive.Close()
	}
}

// appPort is free now and lies below the range from which the kernel takes ports for outgoing
// connections, so that it stays free while the app is dead.
func appPort(t *testing.T) int {
	t.Helper()
	for range 100 {
		port := 29000 + rand.IntN(3000)
		listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err == nil {
			require.NoError(t, listener.Close())
			return port
		}
	}
	t.Fatal("no free port for a stand-in app")
	return 0
}
