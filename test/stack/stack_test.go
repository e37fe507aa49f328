package stack

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sidecart/sidecart/test/stack/manifest"
)

func soon(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func TestRedisKeepsWhatItAcknowledged(t *testing.T) {
	r := Redis(t)
	_, err := r.Do(3, "HSET", "k", "data", "two\r\nlines", "version", "1")
	require.NoError(t, err)
	r.Kill9()
	_, err = r.Do(3, "PING")
	require.Error(t, err)
	require.NoError(t, r.Start(soon(t)))
	got, err := r.Do(3, "HMGET", "k", "data", "none", "version")
	require.NoError(t, err)
	require.Equal(t, []string{"two\r\nlines", "1"}, got)
	got, err = r.Do(4, "KEYS", "*")
	require.NoError(t, err)
	require.Empty(t, got)
	_, err = r.Do(0, "NONSENSE")
	require.ErrorContains(t, err, "unknown command")
}

// listen serves an app that names itself, as a service behind a sidecar would, on a free port.
func listen(t *testing.T, name string) (port int) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s %t", name, r.Header.Get("dapr-api-token") != "")
	}))
	t.Cleanup(server.Close)
	return server.Listener.Addr().(*net.TCPAddr).Port
}

func get(t *testing.T, address, app string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(soon(t), http.MethodGet, address, nil)
	require.NoError(t, err)
	req.Header.Set("dapr-app-id", app)
	res, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer res.Body.Close()
	body := make([]byte, 2000)
	n, _ := res.Body.Read(body)
	return res.StatusCode, string(body[:n])
}

// Two benches run apps of the same ids, as tests beside `make run` do.
func TestSidecarsFindTheirOwnAppsOnly(t *testing.T) {
	one, two := NewBench(t), NewBench(t)
	cart, product := one.Sidecar("cart", listen(t, "cart 1")), one.Sidecar("product", listen(t, "product 1"))
	other := two.Sidecar("cart", listen(t, "cart 2"))
	for _, sidecar := range []*SidecarHandle{cart, product, other} {
		sidecar.WaitReady(t)
	}
	_, body := get(t, product.URL+"/", "cart")
	require.Equal(t, "cart 1 true", body)
	_, body = get(t, cart.URL+"/", "product")
	require.Equal(t, "product 1 true", body)
	status, body := get(t, other.URL+"/", "product")
	require.Equal(t, http.StatusInternalServerError, status, body)

	product.Kill9()
	product.Start(t)
	product.WaitReady(t)
	_, body = get(t, product.URL+"/", "cart")
	require.Equal(t, "cart 1 true", body)
	require.NotEmpty(t, product.Getenv(map[string]string{"X": "y"})("DAPR_GRPC_PORT"))
}

func TestRenderedComponentsStayInside(t *testing.T) {
	b := NewBench(t)
	files, err := filepath.Glob(filepath.Join(b.ground.dir, "components", "*", "*.yaml"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	var all strings.Builder
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		all.Write(text)
	}
	require.Contains(t, all.String(), b.Redis().Addr)
	require.Contains(t, all.String(), filepath.Join(b.ground.dir, "secrets.json"))
	require.NotContains(t, all.String(), ".sidecart")
	text, err := os.ReadFile(b.ground.config)
	require.NoError(t, err)
	require.Contains(t, string(text), filepath.Join(b.ground.dir, "names.db"))

	err = b.ground.render(func(_, text string) string { return text + "\n# ../elsewhere" })
	require.ErrorContains(t, err, "outside the stack")
}

// On the engines of the environment: what was stored is there after kill -9 of every server.
func TestServersKeepWhatTheyAcknowledged(t *testing.T) {
	b := NewBenchOn(t, FromEnv())
	sidecar := b.Sidecar("cart", listen(t, "cart"))
	sidecar.WaitReady(t)
	post := func(path, body string) error {
		req, err := http.NewRequestWithContext(soon(t), http.MethodPost, sidecar.URL+path, strings.NewReader(body))
		require.NoError(t, err)
		req.Header.Set("Content-Type", "application/json")
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			return err
		}
		res.Body.Close()
		if res.StatusCode != http.StatusNoContent {
			return fmt.Errorf("%s answers %d", path, res.StatusCode)
		}
		return nil
	}
	require.NoError(t, post("/v1.0/state/cart-state", `[{"key":"k","value":"kept"}]`))
	require.NoError(t, post("/v1.0/publish/pubsub/orders", `{}`))
	for _, server := range []*Server{b.Store(), b.Broker()} {
		if server == nil {
			continue
		}
		server.Kill9()
		_, err := net.DialTimeout("tcp", server.Addr, time.Second)
		require.Error(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		require.NoError(t, server.Start(ctx))
		cancel()
	}
	require.NoError(t, poll(soon(t), func() error { return post("/v1.0/publish/pubsub/orders", `{}`) }))
	require.NoError(t, poll(soon(t), func() error {
		if status, body := get(t, sidecar.URL+"/v1.0/state/cart-state/k", ""); status != http.StatusOK || body != `"kept"` {
			return fmt.Errorf("%d %s", status, body)
		}
		return nil
	}))
}

func TestAnEngineThatIsNotThere(t *testing.T) {
	m, err := manifest.Find(".")
	require.NoError(t, err)
	_, err = newServer(m.Root, "nonsense", t.TempDir(), "")
	require.ErrorContains(t, err, "no engine nonsense")
}

func says(p *process, line string) error {
	if got := tail(p.log, 1); got != line {
		return fmt.Errorf("its last line is %q", got)
	}
	return nil
}

func TestProcess(t *testing.T) {
	shell := func(script string) *process {
		p, err := start(command{name: "sh", log: filepath.Join(t.TempDir(), "log"), argv: []string{"sh", "-c", script}, env: environment(nil)})
		require.NoError(t, err)
		t.Cleanup(p.kill9)
		return p
	}
	orderly := shell("trap 'exit 7' TERM; echo up; while :; do sleep 0.01; done")
	require.NoError(t, poll(soon(t), func() error { return says(orderly, "up") }))
	require.NoError(t, orderly.signal(syscall.SIGSTOP))
	code, err := orderly.stop(10 * time.Second)
	require.NoError(t, err)
	require.Equal(t, 7, code)
	require.ErrorContains(t, orderly.signal(syscall.SIGCONT), "exit status 7")

	deaf := shell("trap '' TERM; echo up; while :; do sleep 0.01; done")
	require.NoError(t, poll(soon(t), func() error { return says(deaf, "up") }))
	_, err = deaf.stop(50 * time.Millisecond)
	require.ErrorContains(t, err, "was killed")
	require.False(t, deaf.running())

	_, err = start(command{name: "nothing", log: filepath.Join(t.TempDir(), "log"), argv: []string{"/does/not/exist"}})
	require.Error(t, err)
	var never *process
	require.False(t, never.running())
	require.Error(t, never.signal(syscall.SIGTERM))
}

func TestReserveKeepsOthersAway(t *testing.T) {
	m, err := manifest.Find(".")
	require.NoError(t, err)
	offset, release, err := reserve(m, 0)
	require.NoError(t, err)
	_, _, err = reserve(m, offset)
	require.Error(t, err)
	next, releaseNext, err := reserve(m, 0)
	require.NoError(t, err)
	require.NotEqual(t, offset, next)
	releaseNext()
	release()
	_, release, err = reserve(m, offset)
	require.NoError(t, err)
	release()
}
