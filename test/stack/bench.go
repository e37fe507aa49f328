package stack

import (
	"context"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/sidecart/sidecart/test/stack/manifest"
)

// Bench is where single services are tried: private engines and the real components, to which
// sidecars are added one by one. Sidecars of one bench find each other.
type Bench struct {
	ground *ground
	t      testing.TB
}

// SidecarHandle is a sidecar of a bench.
type SidecarHandle struct {
	// URL of its HTTP API.
	URL string
	// Redis underneath, if there is one.
	Redis *Server

	bench   *Bench
	app     manifest.App
	process *process
}

// NewBench stands on Redis, whatever the environment says, and lasts until the test ends.
func NewBench(t testing.TB) *Bench {
	t.Helper()
	return NewBenchOn(t, Engines{})
}

// NewBenchOn is NewBench on other engines.
func NewBenchOn(t testing.TB, engines Engines) *Bench {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), startPatience)
	defer cancel()
	g, err := newGround(ctx, engines.orRedis(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := g.remove(); err != nil {
			t.Error(err)
		}
	})
	return &Bench{g, t}
}

// Redis underneath, if there is one.
func (b *Bench) Redis() *Server { return b.ground.redis() }

// Store is the server that keeps the state; nil when the engine has none.
func (b *Bench) Store() *Server { return b.ground.store }

// Broker is the server that carries the events.
func (b *Bench) Broker() *Server { return b.ground.broker }

// Secret of the bench's secret store, such as admin-email or payment-webhook-secret.
func (b *Bench) Secret(name string) string { return b.ground.secrets[name] }

// Sidecar starts the sidecar of an app that listens, or will, on appPort of 127.0.0.1. It does not wait for either.
func (b *Bench) Sidecar(appID string, appPort int) *SidecarHandle {
	b.t.Helper()
	app := manifest.App{ID: appID, Port: appPort, HTTP: FreePort(b.t), GRPC: FreePort(b.t), Internal: FreePort(b.t), Metrics: FreePort(b.t)}
	h := &SidecarHandle{URL: url(app.HTTP), Redis: b.ground.redis(), bench: b, app: app}
	h.Start(b.t)
	b.t.Cleanup(func() {
		if b.t.Failed() {
			b.t.Logf("--- daprd of %s\n%s", appID, tail(logFile(b.ground.dir, appID+"-daprd"), 20))
		}
		h.Kill9()
	})
	return h
}

// Start runs the sidecar again after Kill9, on the same ports.
func (h *SidecarHandle) Start(t testing.TB) {
	t.Helper()
	var err error
	if h.process, err = h.bench.ground.sidecar(h.app); err != nil {
		t.Fatal(err)
	}
}

// Kill9 ends the sidecar without warning.
func (h *SidecarHandle) Kill9() { h.process.kill9() }

// Getenv is the environment to hand to the service's run: what `dapr run` would set, and more over it.
func (h *SidecarHandle) Getenv(more map[string]string) func(string) string {
	env := h.bench.ground.appVariables(h.app)
	maps.Copy(env, more)
	return func(name string) string { return env[name] }
}

// WaitReady waits until the sidecar serves and its app answers GET /readyz with 200.
func (h *SidecarHandle) WaitReady(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	err := poll(ctx, func() error {
		if !h.process.running() {
			return final{h.process.gone()}
		}
		if err := answers(ctx, h.URL+"/v1.0/healthz", http.StatusNoContent); err != nil {
			return err
		}
		return answers(ctx, url(h.app.Port)+"/readyz", http.StatusOK)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Sidecar starts one daprd with the real components on a Redis of its own, until the test ends.
func Sidecar(t testing.TB, appID string, appPort int) *SidecarHandle {
	t.Helper()
	return NewBench(t).Sidecar(appID, appPort)
}

// FreePorts answers what to add to every port of dapr.yaml for a shop that is the test's until it ends.
func FreePorts(t testing.TB) (offset int) {
	t.Helper()
	m, err := manifest.Find(".")
	if err != nil {
		t.Fatal(err)
	}
	offset, release, err := reserve(m, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(release)
	return offset
}

// FreePort answers a port that is free now.
func FreePort(t testing.TB) int {
	t.Helper()
	port, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// Redis starts a private Redis that lasts until the test ends.
func Redis(t testing.TB) *Server {
	t.Helper()
	return NewServer(t, "redis")
}

// NewServer starts a private server of an engine that lasts until the test ends; nil for an engine that has none.
func NewServer(t testing.TB, engine string) *Server {
	t.Helper()
	m, err := manifest.Find(".")
	if err != nil {
		t.Fatal(err)
	}
	// Not below t.TempDir: PostgreSQL runs as a user of its own, who could not get there.
	dir, err := os.MkdirTemp("", "sidecart-engine-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	s, err := newServer(m.Root, engine, filepath.Join(dir, engine), filepath.Join(dir, engine+".log"))
	if s != nil {
		t.Cleanup(s.Kill9)
		err = s.Start(context.Background())
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}
