package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"github.com/sidecart/sidecart/tools/internal/local"
)

const (
	startLimit = 60 * time.Second
	// patience with one call; a sidecar gives its store 3 s (components/resiliency.yaml).
	patience = 30 * time.Second
	// bodyLimit in MiB, for a chunk of the largest documents that a service may write.
	bodyLimit = 256
)

// sidecar is a daprd without an app, on the ports that dapr.yaml gives it: as long as it runs, the
// shop cannot start.
type sidecar struct {
	app local.App
	log string
	// explain says what the sidecar's last words mean, if it is known.
	explain func(cause string) string
	cmd     *exec.Cmd
	done    chan struct{}
}

func startSidecar(app local.App, daprd, config string, resources []string) (*sidecar, error) {
	folder := filepath.Join(local.Folder, "house")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, err
	}
	s := &sidecar{app: app, log: filepath.Join(folder, app.ID+".log"), done: make(chan struct{})}
	log, err := os.Create(s.log)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	s.cmd = exec.Command(daprd, "--app-id", app.ID,
		"--dapr-http-port", strconv.Itoa(app.HTTP), "--dapr-grpc-port", strconv.Itoa(app.GRPC),
		"--dapr-internal-grpc-port", strconv.Itoa(app.Internal), "--metrics-port", strconv.Itoa(app.Metrics),
		"--dapr-listen-addresses", "127.0.0.1", "--dapr-internal-grpc-listen-address", "127.0.0.1", "--metrics-listen-address", "127.0.0.1",
		"--max-body-size", strconv.Itoa(bodyLimit)+"Mi", "--config", config)
	for _, path := range resources {
		s.cmd.Args = append(s.cmd.Args, "--resources-path", path)
	}
	// Paths within components count from where the service runs.
	s.cmd.Dir = app.Dir
	s.cmd.Env = append(os.Environ(), "DAPR_HOST_IP=127.0.0.1", "DAPR_API_TOKEN=", "APP_API_TOKEN=")
	s.cmd.Stdout, s.cmd.Stderr, s.cmd.SysProcAttr = log, log, attributes()
	started := make(chan error, 1)
	go func() {
		// The parent-death signal comes when the thread that forked ends, so it lives as long as the child.
		runtime.LockOSThread()
		if err := s.cmd.Start(); err != nil {
			started <- err
			return
		}
		started <- nil
		_ = s.cmd.Wait() // its last words are in the log
		close(s.done)
	}()
	return s, <-started
}

// waitReady fails as soon as the sidecar has ended.
func (s *sidecar) waitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		if s.ready(ctx) {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("the sidecar of %s is not ready: %w (log: %s)", s.app.ID, ctx.Err(), s.log)
		case <-s.done:
			return s.ended()
		}
	}
}

// ended says why in one sentence, when the log has one.
func (s *sidecar) ended() error {
	cause := local.Fatal(s.log)
	if cause == "" {
		return fmt.Errorf("the sidecar of %s ended\n%s", s.app.ID, local.Tail(s.log, 15))
	}
	if meaning := s.explain(cause); meaning != "" {
		return fmt.Errorf("%s (the sidecar of %s: %s)", meaning, s.app.ID, cause)
	}
	return fmt.Errorf("the sidecar of %s ended: %s (correct that component in components/, or what it names; whole log: %s)", s.app.ID, cause, s.log)
}

func (s *sidecar) ready(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("http://127.0.0.1:%d/v1.0/healthz/outbound", s.app.HTTP), nil)
	if err != nil {
		return false
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	res.Body.Close()
	return res.StatusCode == http.StatusNoContent
}

// stop gives it ten seconds.
func (s *sidecar) stop() {
	_ = s.cmd.Process.Signal(syscall.SIGTERM) // gone already: just as well
	timer := time.NewTimer(10 * time.Second)
	defer timer.Stop()
	select {
	case <-s.done:
	case <-timer.C:
		_ = s.cmd.Process.Kill()
		<-s.done
	}
}
