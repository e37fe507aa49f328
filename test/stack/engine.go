package stack

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Engines are what lies underneath, by the names of the folders in components/state and components/pubsub.
type Engines struct{ State, PubSub string }

// FromEnv answers the engines that STATE and PUBSUB name, as for `make run`; Redis where they are empty.
func FromEnv() Engines { return Engines{os.Getenv("STATE"), os.Getenv("PUBSUB")}.orRedis() }

func (e Engines) orRedis() Engines {
	for _, name := range []*string{&e.State, &e.PubSub} {
		if *name == "" {
			*name = "redis"
		}
	}
	return e
}

// Server is a private server of an engine, which survives kill -9 with everything it acknowledged.
// Addr is where it listens.
type Server struct {
	Addr string

	name, script string
	dir, log     string
	process      *process
	// values for the secret store that the components read.
	values map[string]string
}

// Password of the server's administrator, sidecart, where it has one.
func (s *Server) Password() (string, error) {
	text, err := os.ReadFile(filepath.Join(s.dir, "password"))
	return string(text), err
}

// enginePatience bounds the start of a server: RabbitMQ needs 8 s when nothing else is going on.
const enginePatience = 90 * time.Second

// newServer prepares a server on a free port; nil for an engine that has none.
func newServer(root, name, dir, log string) (*Server, error) {
	script := filepath.Join(root, "tools", "engines", name+".sh")
	if _, err := os.Stat(script); err != nil {
		return nil, fmt.Errorf("there is no engine %s: %w", name, err)
	}
	if name == "sqlite" {
		return nil, nil
	}
	port, err := freePorts(3)
	if err != nil {
		return nil, err
	}
	// PostgreSQL runs as a user of its own, who has to get there.
	if err := errors.Join(os.MkdirAll(dir, 0o755), os.Chmod(filepath.Dir(dir), 0o711)); err != nil {
		return nil, err
	}
	return &Server{Addr: net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), name: name, script: script, dir: dir, log: log}, nil
}

// Start runs the server, on the same port and data as before, and waits until it answers.
func (s *Server) Start(ctx context.Context) error {
	if s.process.running() {
		return fmt.Errorf("%s runs already", s.name)
	}
	ctx, cancel := context.WithTimeout(ctx, enginePatience)
	defer cancel()
	// After kill -9 the children of some servers need a moment to notice, and refuse a new one till then.
	return poll(ctx, func() error {
		err := s.try(ctx)
		if err == nil || s.process.running() {
			return err
		}
		if s.values == nil {
			return final{err} // it never ran
		}
		return err
	})
}

func (s *Server) try(ctx context.Context) (err error) {
	_, port, _ := net.SplitHostPort(s.Addr)
	argv := []string{s.script, "serve", s.dir, port}
	if s.name == "redis" {
		// Rewriting the journal would fork, and the fork outlive a kill -9.
		argv = append(argv, "--auto-aof-rewrite-percentage", "0")
	}
	// Two partitions, so that two replicas have something to share.
	env := environment(map[string]string{"SIDECART_TIED": "yes", "KAFKA_PARTITIONS": cmp.Or(os.Getenv("KAFKA_PARTITIONS"), "2")})
	if s.process, err = start(command{name: s.name, dir: s.dir, log: s.log, env: env, argv: argv}); err != nil {
		return final{err}
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	done := s.process.done
	go func() {
		select {
		case <-done:
			cancel()
		case <-ctx.Done():
		}
	}()
	prepare := exec.CommandContext(ctx, s.script, "prepare", s.dir, port)
	prepare.WaitDelay = time.Second
	var complaint bytes.Buffer
	prepare.Stderr = &complaint
	out, err := prepare.Output()
	if !s.process.running() {
		return s.process.gone()
	}
	if err != nil {
		s.Kill9()
		return final{fmt.Errorf("%s: %w: %s", s.name, err, complaint.String())}
	}
	s.values = map[string]string{}
	for line := range strings.Lines(string(out)) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
			s.values[name] = value
		}
	}
	return nil
}

// Kill9 ends the server without warning; what it acknowledged is on disk.
func (s *Server) Kill9() {
	if s != nil && s.process.running() {
		_ = syscall.Kill(-s.process.cmd.Process.Pid, syscall.SIGKILL) // its helpers too
		s.process.kill9()
	}
}

// Pause stops the server where it is (SIGSTOP): it is there, but answers nothing.
func (s *Server) Pause() error { return s.process.signal(syscall.SIGSTOP) }

// Resume lets a paused server go on.
func (s *Server) Resume() error { return s.process.signal(syscall.SIGCONT) }
