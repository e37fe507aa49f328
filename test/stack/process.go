package stack

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// process is one child with its log file. It is started once; a restart is a new process.
type process struct {
	name string
	log  string
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended and cmd.ProcessState is set
}

// command is what a process is started with. Its log is appended to log.
type command struct {
	name, dir, log string
	argv, env      []string
}

func start(c command) (*process, error) {
	file, err := os.OpenFile(c.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	cmd := exec.Command(c.argv[0], c.argv[1:]...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr, cmd.SysProcAttr = c.dir, c.env, file, file, attributes()
	p := &process{name: c.name, log: c.log, cmd: cmd, done: make(chan struct{})}
	started := make(chan error, 1)
	go func() {
		// The parent-death signal is sent when the thread that forked ends, so that thread has to live as long as the child.
		runtime.LockOSThread()
		if err := cmd.Start(); err != nil {
			started <- err
			return
		}
		started <- nil
		_ = cmd.Wait() // how it ended is in ProcessState
		close(p.done)
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("%s: %w", c.name, err)
	}
	return p, nil
}

// running is false for a process that has ended, and for none.
func (p *process) running() bool {
	if p == nil {
		return false
	}
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// kill9 returns when the process is gone and its ports are free.
func (p *process) kill9() {
	if p.running() {
		_ = p.cmd.Process.Kill()
		<-p.done
	}
}

func (p *process) signal(s syscall.Signal) error {
	if !p.running() {
		return p.gone()
	}
	return p.cmd.Process.Signal(s)
}

// stop asks the process to end and waits; after patience it is killed, which is an error.
func (p *process) stop(patience time.Duration) (exitCode int, err error) {
	if err := p.signal(syscall.SIGTERM); err != nil {
		return -1, err
	}
	_ = p.signal(syscall.SIGCONT) // a paused process could not hear it
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-p.done:
		return p.cmd.ProcessState.ExitCode(), nil
	case <-timer.C:
		p.kill9()
		return -1, fmt.Errorf("%s did not stop within %s of SIGTERM and was killed", p.name, patience)
	}
}

// gone says how a process ended that should be running, with the end of its log.
func (p *process) gone() error {
	if p == nil {
		return errors.New("was never started")
	}
	return fmt.Errorf("%s is not running: %s\n%s", p.name, p.cmd.ProcessState, tail(p.log, 15))
}

// tail answers the last lines of a file.
func tail(path string, lines int) string {
	const most = 64 << 10
	file, err := os.Open(path)
	if err != nil {
		return err.Error()
	}
	defer file.Close()
	if info, err := file.Stat(); err == nil && info.Size() > most {
		_, _ = file.Seek(-most, 2)
	}
	text := make([]byte, most)
	n, _ := file.Read(text)
	all := strings.Split(strings.TrimRight(string(text[:n]), "\n"), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}
