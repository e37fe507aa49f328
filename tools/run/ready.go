package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/sidecart/sidecart/tools/internal/local"
)

// gateway is the first app of dapr.yaml; it is ready when all services are.
func (s *system) gateway() string { return fmt.Sprintf("http://localhost:%d", s.apps[0].Port) }

// waitReady returns when the gateway says that all are ready. It fails early when a
// service or sidecar ends meanwhile: `dapr run` itself would go on without it.
func (s *system) waitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	tick := time.NewTicker(300 * time.Millisecond)
	defer tick.Stop()
	began := map[string]time.Time{}
	for {
		if err := s.checkAlive(began); err != nil {
			return err
		}
		if s.ready(ctx, s.apps[0]) {
			s.complete = true
			return nil
		}
		select {
		case <-s.ended:
			return fmt.Errorf("dapr run ended\n%s", local.Tail(filepath.Join(local.Folder, "dapr.log"), 15))
		case <-tick.C:
		case <-ctx.Done():
			if !errors.Is(ctx.Err(), context.DeadlineExceeded) {
				return ctx.Err()
			}
			return fmt.Errorf("not ready after %v: %s (logs: services/<name>/.dapr/logs)", startLimit, strings.Join(s.notReady(), ", "))
		}
	}
}

// checkAlive fails when a service is there without its sidecar or the other way round: the
// CLI starts the one right after the other, so that after startGap the missing one has ended.
func (s *system) checkAlive(began map[string]time.Time) error {
	services, sidecars := map[string]bool{}, map[string]bool{}
	for _, p := range ours(s.root, s.cli.Process.Pid) {
		if p.isService() {
			services[p.name()] = true
		} else {
			sidecars[p.name()] = true
		}
		if began[p.name()].IsZero() {
			began[p.name()] = time.Now()
		}
	}
	for id, since := range began {
		if time.Since(since) < startGap {
			continue
		}
		if !services[id] {
			// A service ends when its sidecar does; then it is the sidecar that knows why.
			if !sidecars[id] {
				return s.sidecarEnded(id)
			}
			return fmt.Errorf("the service %s ended while starting\n%s", id, local.Tail(newestLog(id, "app"), 15))
		}
		if !sidecars[id] {
			return s.sidecarEnded(id)
		}
	}
	return nil
}

// sidecarEnded says why in one sentence, when the sidecar's log has one.
func (s *system) sidecarEnded(id string) error {
	log := newestLog(id, "daprd")
	cause := local.Fatal(log)
	if cause == "" {
		return fmt.Errorf("the sidecar of %s ended while starting\n%s", id, local.Tail(log, 15))
	}
	if meaning := s.engines.Explain(cause); meaning != "" {
		return fmt.Errorf("%s (the sidecar of %s: %s)", meaning, id, cause)
	}
	return fmt.Errorf("the sidecar of %s ended: %s (correct that component in components/, or what it names; whole log: %s)", id, cause, log)
}

func (s *system) notReady() []string {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	var names []string
	for _, a := range s.apps {
		if !s.ready(ctx, a) {
			names = append(names, a.ID)
		}
	}
	return names
}

func (s *system) ready(ctx context.Context, a local.App) bool {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("http://127.0.0.1:%d/readyz", a.Port), nil)
	if err != nil {
		return false
	}
	req.Header.Set("dapr-api-token", s.token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// newestLog is the last log that the CLI began for an app; kind is app or daprd. The
// names end in the time, so that the greatest is the newest.
func newestLog(id, kind string) string {
	logs, _ := filepath.Glob(filepath.Join("services", id, ".dapr", "logs", id+"_"+kind+"_*.log"))
	if len(logs) == 0 {
		return ""
	}
	return slices.Max(logs)
}

type administrator struct {
	Email    string `json:"admin-email"`
	Password string `json:"admin-password"`
}

func admin() (a administrator, err error) {
	data, err := os.ReadFile(filepath.Join(local.Folder, "secrets.json"))
	if err != nil {
		return a, fmt.Errorf("%w (`make build` creates it)", err)
	}
	return a, json.Unmarshal(data, &a)
}

// seed loads the demo catalogue; a second time it finds everything there.
func seed(ctx context.Context, s *system, stdout io.Writer) error {
	account, err := admin()
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "bin/seed")
	cmd.Env = append(os.Environ(), "GATEWAY_URL="+s.gateway(),
		"ADMIN_EMAIL="+account.Email, "ADMIN_PASSWORD="+account.Password)
	cmd.Stdout, cmd.Stderr = stdout, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("loading the demo catalogue: %w", err)
	}
	return nil
}

// welcome ends with a line that begins with "ready": scripts wait for it.
func welcome(stdout io.Writer, s *system, took time.Duration) error {
	account, err := admin()
	if err != nil {
		return err
	}
	url := s.gateway()
	_, err = fmt.Fprintf(stdout, `
Sidecart is at %[1]s
Administrator: %[2]s  password: %[3]s

Browse, register, sign in and order:
  curl -s '%[1]s/api/products?limit=3'
  curl -s %[1]s/api/users -H 'Content-Type: application/json' -d '{"email":"ada@example.com","password":"a long enough one","name":"Ada"}'
  TOKEN=$(curl -s %[1]s/api/sessions -H 'Content-Type: application/json' -d '{"email":"ada@example.com","password":"a long enough one"}' | sed 's/.*"accessToken":"\([^"]*\)".*/\1/'); PRODUCT=$(curl -s '%[1]s/api/products?limit=1' | sed 's/.*"items":\[{"id":"\([^"]*\)".*/\1/'); curl -s %[1]s/api/orders -H "Authorization: Bearer $TOKEN" -H "Idempotency-Key: $(date +%%s)" -H 'Prefer: wait=10' -H 'Content-Type: application/json' -d '{"items":[{"productId":"'"$PRODUCT"'","quantity":1}],"paymentToken":"tok_ok","shippingAddress":{"name":"Ada","street":"1 Main Street","city":"London","postalCode":"N1","country":"GB"}}'

A purchase with all its events: make demo (in another terminal). Stop with Ctrl-C.
ready in %[4]d s
`, url, account.Email, account.Password, int(took.Round(time.Second).Seconds()))
	return err
}
