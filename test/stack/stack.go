// Package stack runs the whole shop for tests, as `dapr run -f .` would, but beside it: on other
// ports, on engines of its own, with a hand on every process. Single services are tried with Bench.
//
// No process outlives the program that started it, even when that crashes.
package stack

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sidecart/sidecart/test/stack/manifest"
)

// Options of a stack. The zero value is the shop as it is.
type Options struct {
	// Engines underneath; FromEnv where a name is empty.
	Engines Engines
	// PortOffset is added to every port of dapr.yaml; 0 finds a free range.
	PortOffset int
	// Env is set for the app of that id; for all of them under the id "".
	Env map[string]map[string]string
	// Edit changes component files while they are rendered; may be nil.
	Edit Edit
}

// startPatience bounds building and starting: a race build of nine services on a small machine is slow.
const startPatience = 5 * time.Minute

// Stack is a running shop. Safe for concurrent use.
type Stack struct {
	*ground
	offset  int
	bin     string
	options Options
	release func()

	mu    sync.Mutex
	units map[string]*unit
}

// unit is an app beside its sidecar.
type unit struct {
	app     manifest.App // with this stack's ports
	env     map[string]string
	process *process
	sidecar *process
}

// Start runs a stack until the test ends. If it fails, the ends of all logs are shown and the
// whole logs kept.
func Start(t testing.TB, o Options) *Stack {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), startPatience)
	defer cancel()
	s, err := Launch(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("logs are kept in %s\n%s", filepath.Join(s.dir, "logs"), s.Tails(12))
		}
		if err := s.end(t.Failed()); err != nil {
			t.Error(err)
		}
	})
	return s
}

// Launch runs a stack and returns when it is ready. The caller must Stop it.
func Launch(ctx context.Context, o Options) (_ *Stack, err error) {
	env := FromEnv()
	g, err := newGround(ctx, Engines{cmp.Or(o.Engines.State, env.State), cmp.Or(o.Engines.PubSub, env.PubSub)}, o.Edit)
	if err != nil {
		return nil, err
	}
	s := &Stack{ground: g, options: o, units: map[string]*unit{}, release: func() {}}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("%w\n%s", err, s.Tails(8)), s.Stop())
		}
	}()
	if s.bin, err = build(ctx, g.manifest); err != nil {
		return nil, err
	}
	offset, release, err := reserve(g.manifest, o.PortOffset)
	if err != nil {
		return nil, err
	}
	s.offset, s.release = offset, release
	for _, app := range g.manifest.Apps {
		u := &unit{app: app.Shift(s.offset), env: map[string]string{}}
		for _, more := range []map[string]string{g.manifest.Common.Env, app.Env, o.Env[""], o.Env[app.ID]} {
			maps.Copy(u.env, more)
		}
		s.units[app.ID] = u
	}
	for id := range o.Env {
		if _, ok := s.units[id]; !ok && id != "" {
			return nil, fmt.Errorf("options: dapr.yaml has no app %s", id)
		}
	}
	for _, app := range g.manifest.Apps {
		if err = errors.Join(s.StartSidecar(app.ID), s.StartApp(app.ID)); err != nil {
			return nil, err
		}
	}
	return s, s.WaitReady(ctx)
}

// Stop ends everything, removes what lay on disk, and tells what went wrong meanwhile: an app that
// does not stop in time, or whose log shows a data race or a panic.
func (s *Stack) Stop() error { return s.end(false) }

func (s *Stack) end(keepLogs bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	failures := make([]error, len(s.units))
	var stopping sync.WaitGroup
	for i, id := range s.ids() {
		u := s.units[id]
		stopping.Go(func() {
			if u.process.running() {
				_, failures[i] = u.process.stop(20 * time.Second)
			}
			u.sidecar.kill9()
		})
	}
	stopping.Wait()
	err := errors.Join(append(failures, s.crashes())...)
	s.killEngines()
	s.release()
	if keepLogs {
		return errors.Join(err, s.removeAllButLogs())
	}
	return errors.Join(err, os.RemoveAll(s.dir))
}

func (s *Stack) removeAllButLogs() error {
	entries, err := os.ReadDir(s.dir)
	for _, entry := range entries {
		if entry.Name() != "logs" {
			err = errors.Join(err, os.RemoveAll(filepath.Join(s.dir, entry.Name())))
		}
	}
	return err
}

// crashes finds what must appear in no log.
func (s *Stack) crashes() error {
	var found []error
	for _, id := range s.ids() {
		text, err := os.ReadFile(logFile(s.dir, id))
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		for _, sign := range []string{"WARNING: DATA RACE", "\npanic: ", "\nfatal error: "} {
			if at := bytes.Index(text, []byte(sign)); at >= 0 {
				found = append(found, fmt.Errorf("%s: %s", id, text[at:min(len(text), at+3000)]))
			}
		}
		found = append(found, err)
	}
	return errors.Join(found...)
}

// Tails shows the end of every log.
func (s *Stack) Tails(lines int) string {
	files, _ := filepath.Glob(filepath.Join(s.dir, "logs", "*.log"))
	var out strings.Builder
	for _, file := range files {
		fmt.Fprintf(&out, "--- %s\n%s\n", filepath.Base(file), tail(file, lines))
	}
	return out.String()
}

func (s *Stack) ids() []string { return slices.Sorted(maps.Keys(s.units)) }

// GatewayURL is the public API.
func (s *Stack) GatewayURL() string { return url(s.units["gateway"].app.Port) }

// SidecarURL is the HTTP API of an app's sidecar; empty for an unknown app.
func (s *Stack) SidecarURL(app string) string {
	if u, ok := s.units[app]; ok {
		return url(u.app.HTTP)
	}
	return ""
}

// MetricsURL is where an app's sidecar shows its metrics; empty for an unknown app.
func (s *Stack) MetricsURL(app string) string {
	if u, ok := s.units[app]; ok {
		return url(u.app.Metrics)
	}
	return ""
}

// PortOffset that this stack got.
func (s *Stack) PortOffset() int { return s.offset }

// Secret of the stack's secret store, such as admin-email, admin-password, payment-webhook-secret.
func (s *Stack) Secret(name string) string { return s.secrets[name] }

// Engines underneath.
func (s *Stack) Engines() Engines { return s.engines }

// Redis underneath, if there is one.
func (s *Stack) Redis() *Server { return s.redis() }
