package stack

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"syscall"

	"github.com/sidecart/sidecart/test/stack/manifest"
)

// freePort answers a port that is free now.
func freePort() (int, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port, nil
}

// freePorts answers the first of n ports in a row that are free now.
func freePorts(n int) (first int, err error) {
	for range 50 {
		if first, err = freePort(); err != nil {
			return 0, err
		}
		free := 1
		for free < n {
			listener, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(first+free))
			if err != nil {
				break
			}
			listener.Close()
			free++
		}
		if free == n {
			return first, nil
		}
	}
	return 0, fmt.Errorf("no %d free ports in a row", n)
}

// Offsets are tried in steps that never let one stack's ports meet another's, and end below the
// range from which the kernel takes ports for outgoing connections.
const firstOffset, offsetStep, lastOffset = 10000, 1000, 24000

// reserve finds an offset at which every port of the manifest is free, or takes the given one, and
// keeps other stacks on this machine from taking it until release.
func reserve(m *manifest.Manifest, given int) (offset int, release func(), err error) {
	if given != 0 {
		release, err := take(m, given)
		return given, release, err
	}
	for offset := firstOffset; offset <= lastOffset; offset += offsetStep {
		if release, err = take(m, offset); err == nil {
			return offset, release, nil
		}
	}
	return 0, nil, fmt.Errorf("no free range of ports, at last: %w", err)
}

func take(m *manifest.Manifest, offset int) (release func(), err error) {
	path := filepath.Join(os.TempDir(), "sidecart-ports-"+strconv.Itoa(offset)+".lock")
	lock, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o666)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		lock.Close()
		return nil, fmt.Errorf("port offset %d is another stack's: %w", offset, err)
	}
	for _, app := range m.Apps {
		for _, port := range app.Shift(offset).Ports() {
			listener, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(port))
			if err != nil {
				lock.Close()
				return nil, err
			}
			listener.Close()
		}
	}
	return func() { lock.Close() }, nil
}
