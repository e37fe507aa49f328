package stack

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Do sends one command to a logical database of a Redis. A nil answer is no element, an array is flattened.
func (s *Server) Do(db int, args ...string) ([]string, error) {
	if s == nil || s.name != "redis" {
		return nil, errors.New("this is no Redis")
	}
	conn, err := net.DialTimeout("tcp", s.Addr, time.Second)
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
