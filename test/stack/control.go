package stack

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"path/filepath"
	"syscall"
	"time"
)

// with runs do on an app's unit, one at a time.
func (s *Stack) with(app string, do func(*unit) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	u, ok := s.units[app]
	if !ok {
		return fmt.Errorf("the stack has no app %s", app)
	}
	return do(u)
}

// Kill9 ends an app without warning; its sidecar stays.
func (s *Stack) Kill9(app string) error {
	return s.with(app, func(u *unit) error {
		if !u.process.running() {
			return u.process.gone()
		}
		u.process.kill9()
		return nil
	})
}

// Kill9Sidecar ends a sidecar without warning; its app stays.
func (s *Stack) Kill9Sidecar(app string) error {
	return s.with(app, func(u *unit) error {
		if !u.sidecar.running() {
			return u.sidecar.gone()
		}
		u.sidecar.kill9()
		return nil
	})
}

// StartApp runs an app that is not running.
func (s *Stack) StartApp(app string) error {
	return s.with(app, func(u *unit) (err error) {
		if u.process.running() {
			return fmt.Errorf("%s runs already", app)
		}
		env := s.appVariables(u.app)
		maps.Copy(env, u.env)
		u.process, err = start(command{
			name: app, dir: s.dir, log: logFile(s.dir, app), env: environment(env),
			argv: []string{filepath.Join(s.bin, filepath.Base(u.app.Dir))},
		})
		return err
	})
}

// StartSidecar runs a sidecar that is not running.
func (s *Stack) StartSidecar(app string) error {
	return s.with(app, func(u *unit) (err error) {
		if u.sidecar.running() {
			return fmt.Errorf("the sidecar of %s runs already", app)
		}
		u.sidecar, err = s.sidecar(u.app)
		return err
	})
}

// SetEnv sets a variable for the next start of an app.
func (s *Stack) SetEnv(app, name, value string) error {
	return s.with(app, func(u *unit) error {
		u.env[name] = value
		return nil
	})
}

// StopApp sends SIGTERM, waits for the app to finish and answers its exit code.
func (s *Stack) StopApp(app string) (exitCode int, err error) {
	err = s.with(app, func(u *unit) (err error) {
		exitCode, err = u.process.stop(20 * time.Second)
		return err
	})
	return exitCode, err
}

// Pause stops an app where it is (SIGSTOP): it is there, but answers nothing.
func (s *Stack) Pause(app string) error {
	return s.with(app, func(u *unit) error { return u.process.signal(syscall.SIGSTOP) })
}

// Resume lets a paused app go on.
func (s *Stack) Resume(app string) error {
	return s.with(app, func(u *unit) error { return u.process.signal(syscall.SIGCONT) })
}

// errNoServer: a file cannot be killed.
var errNoServer = errors.New("the engine has no server")

// KillStore ends the server that keeps the state without warning, and with it the broker where the
// engine is the same; what it acknowledged is on disk.
func (s *Stack) KillStore() error { return kill(s.store) }

// StartStore runs it again, with its data.
func (s *Stack) StartStore(ctx context.Context) error { return restart(ctx, s.store) }

// KillBroker ends the server that carries the events without warning.
func (s *Stack) KillBroker() error { return kill(s.broker) }

// StartBroker runs it again, with its data.
func (s *Stack) StartBroker(ctx context.Context) error { return restart(ctx, s.broker) }

func kill(server *Server) error {
	if server == nil {
		return errNoServer
	}
	server.Kill9()
	return nil
}

func restart(ctx context.Context, server *Server) error {
	if server == nil {
		return errNoServer
	}
	return server.Start(ctx)
}

// KillRedis ends Redis without warning; what it acknowledged is on disk.
func (s *Stack) KillRedis() { s.redis().Kill9() }

// StartRedis runs Redis again, with its data.
func (s *Stack) StartRedis(ctx context.Context) error { return restart(ctx, s.redis()) }

// WaitReady waits until every app and every sidecar is ready. A process that has ended is an error at once.
func (s *Stack) WaitReady(ctx context.Context) error {
	for _, id := range s.ids() {
		if err := s.WaitAppReady(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

// WaitAppReady waits until one app and its sidecar are ready.
func (s *Stack) WaitAppReady(ctx context.Context, app string) error {
	err := poll(ctx, func() error {
		var port, sidecar int
		err := s.with(app, func(u *unit) error {
			port, sidecar = u.app.Port, u.app.HTTP
			for _, p := range []*process{u.sidecar, u.process} {
				if !p.running() {
					return p.gone()
				}
			}
			return nil
		})
		if err != nil {
			return final{err}
		}
		return errors.Join(
			answers(ctx, url(sidecar)+"/v1.0/healthz", http.StatusNoContent),
			answers(ctx, url(port)+"/readyz", http.StatusOK))
	})
	if err != nil {
		return fmt.Errorf("%s is not ready: %w", app, err)
	}
	return nil
}
