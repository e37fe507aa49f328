package stack

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Server is a private redis-server that survives kill -9 with everything it acknowledged.
type Server struct {
	Addr string

	dir, log string
	process  *process
}

func newRedis(dir, log string) (*Server, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	return &Server{Addr: net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), dir: dir, log: log}, os.MkdirAll(dir, 0o700)
}

// Start runs the server, on the same port and data as before, and waits until it answers.
func (r *Server) Start(ctx context.Context) error {
	if r.process.running() {
		return errors.New("redis-server runs already")
	}
	_, port, _ := net.SplitHostPort(r.Addr)
	var err error
	// No rewriting of the journal: it would fork, and the fork outlive a kill -9.
	r.process, err = start(command{name: "redis-server", dir: r.dir, log: r.log, env: environment(nil), argv: []string{
		"redis-server", "--bind", "127.0.0.1", "--port", port, "--dir", r.dir, "--appendonly", "yes", "--appendfsync", "always",
		"--save", "", "--auto-aof-rewrite-percentage", "0", "--maxmemory-policy", "noeviction",
	}})
	if err != nil {
		return err
	}
	return poll(ctx, func() error {
		if !r.process.running() {
			return final{r.process.gone()}
		}
		_, err := r.Do(0, "PING")
		return err
	})
}

// Kill9 ends the server without warning.
func (r *Server) Kill9() { r.process.kill9() }

// Do sends one command to a logical database. A nil answer is no element, an array is flattened.
func (r *Server) Do(db int, args ...string) ([]string, error) {
	conn, err := net.DialTimeout("tcp", r.Addr, time.Second)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return nil, err
	}
	in := bufio.NewReader(conn)
	for _, command := range [][]string{{"SELECT", strconv.Itoa(db)}, args} {
		var out strings.Builder
		fmt.Fprintf(&out, "*%d\r\n", len(command))
		for _, arg := range command {
			fmt.Fprintf(&out, "$%d\r\n%s\r\n", len(arg), arg)
		}
		if _, err := io.WriteString(conn, out.String()); err != nil {
			return nil, err
		}
		answer, err := readAnswer(in)
		if err != nil || command[0] != "SELECT" {
			return answer, err
		}
	}
	return nil, nil
}

// readAnswer reads one value of the Redis protocol (RESP 2).
func readAnswer(in *bufio.Reader) ([]string, error) {
	line, err := in.ReadString('\n')
	if err != nil {
		return nil, err
	}
	kind, rest := line[0], strings.TrimRight(line[1:], "\r\n")
	switch kind {
	case '+', ':':
		return []string{rest}, nil
	case '-':
		return nil, fmt.Errorf("redis: %s", rest)
	}
	n, err := strconv.Atoi(rest)
	if err != nil || n < 0 {
		return nil, err
	}
	if kind == '$' {
		value := make([]byte, n+2)
		_, err := io.ReadFull(in, value)
		return []string{string(value[:n])}, err
	}
	var all []string
	for range n {
		some, err := readAnswer(in)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	return all, nil
}

// logFile of a process within the stack's folder.
func logFile(dir, name string) string { return filepath.Join(dir, "logs", name+".log") }
