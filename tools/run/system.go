package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/sidecart/sidecart/tools/internal/local"
)

var errLeftover = errors.New("processes are left")

// system is one `dapr run` and all that hangs on it.
type system struct {
	root     string
	apps     []local.App
	engines  local.Engines
	cli      *exec.Cmd     // nil when only leftovers are to be stopped
	ended    chan struct{} // closed when the CLI has ended
	token    string        // what a caller of an app's own port must show
	complete bool          // every service has been started
}

func start(root, runFile string, apps []local.App, chosen local.Engines, tools map[string]string) (*system, error) {
	token, err := appToken(filepath.Join(local.Folder, "app-api-token"))
	if err != nil {
		return nil, err
	}
	// Registrations of an earlier run: wrong as soon as a port has changed.
	stale, _ := filepath.Glob(filepath.Join(local.Folder, "names.db*"))
	for _, file := range stale {
		os.Remove(file)
	}
	logs, err := os.Create(filepath.Join(local.Folder, "dapr.log"))
	if err != nil {
		return nil, err
	}
	defer logs.Close()
	s := &system{root: root, apps: apps, engines: chosen, token: token, ended: make(chan struct{})}
	s.cli = exec.Command(tools["DAPR"], "run", "-f", runFile)
	s.cli.Env = append(os.Environ(),
		"DAPR_RUNTIME_PATH="+tools["DAPR_RUNTIME_PATH"],
		"DAPR_HOST_IP=127.0.0.1", // what a sidecar tells the others; without it daprd needs a network
		"APP_API_TOKEN="+token)
	s.cli.Stdout, s.cli.Stderr = logs, logs
	// Out of the terminal's reach: Ctrl-C is ours to pass on, in order.
	s.cli.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := s.cli.Start(); err != nil {
		return nil, err
	}
	go func() {
		_ = s.cli.Wait() // its exit code says nothing: 0 also when services died
		close(s.ended)
	}()
	return s, os.WriteFile(filepath.Join(local.Folder, "run.pid"), []byte(strconv.Itoa(os.Getpid())), 0o600)
}

// appToken is made once per checkout. daprd shows it to the services, which turn away who does not.
func appToken(path string) (string, error) {
	if data, err := os.ReadFile(path); err == nil && len(data) > 0 {
		return strings.TrimSpace(string(data)), nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return "", err
	}
	token := rand.Text()
	return token, os.WriteFile(path, []byte(token+"\n"), 0o600)
}

// stop takes everything down from the front: services first, which finish what they have in hand
// (10 s) with their sidecars still there; then the sidecars; then the CLI, which only knows kill -9.
func (s *system) stop(stdout io.Writer) error {
	cli := 0
	if s.cli != nil {
		cli = s.cli.Process.Pid
	}
	fmt.Fprintln(stdout, "Stopping")
	// Still starting: one that comes up after we have looked would be missed. Not later, as the CLI
	// also empties the pipes that the services log to.
	if cli != 0 && !s.complete && alive(cli) {
		_ = syscall.Kill(cli, syscall.SIGSTOP)
	}
	var services, sidecars []int
	for _, p := range ours(s.root, cli) {
		if p.isService() {
			services = append(services, p.PID)
		} else {
			sidecars = append(sidecars, p.PID)
		}
	}
	left := terminate(services, 10*time.Second)
	left = append(left, terminate(sidecars, 8*time.Second)...)
	if cli != 0 && alive(cli) {
		_ = syscall.Kill(cli, syscall.SIGTERM)
		_ = syscall.Kill(cli, syscall.SIGCONT)
		left = append(left, waitGone(context.Background(), []int{cli}, 5*time.Second)...)
	}
	for _, pid := range left {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	os.Remove(filepath.Join(local.Folder, "run.pid"))
	if left = waitGone(context.Background(), left, 2*time.Second); len(left) > 0 {
		return fmt.Errorf("%w: %v", errLeftover, left)
	}
	return nil
}

func readPID(path string) (int, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(string(data)))
}
