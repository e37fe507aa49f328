package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/sidecart/sidecart/tools/internal/local"
)

// process is a running program. Dir is its working folder, known on Linux only.
type process struct {
	PID, Parent int
	Args        []string
	Dir         string
}

// name is the app id for one of ours.
func (p process) name() string {
	for i, arg := range p.Args[:len(p.Args)-1] {
		if arg == "--app-id" {
			return p.Args[i+1]
		}
	}
	return filepath.Base(p.Args[0])
}

func (p process) isSidecar() bool {
	return filepath.Base(p.Args[0]) == "daprd" && slices.Contains(p.Args, "--app-id")
}
func (p process) isService() bool { return strings.HasPrefix(p.Args[0], "../../bin/") }

// ours lists the services and sidecars of this checkout: those that run in its folders,
// whoever started them, and the children of cli where folders cannot be told.
func ours(root string, cli int) []process {
	var found []process
	for _, p := range processes() {
		here := p.Dir != "" && filepath.Dir(p.Dir) == filepath.Join(root, "services")
		if (p.isService() || p.isSidecar()) && (here || p.Dir == "" && p.Parent == cli) {
			found = append(found, p)
		}
	}
	return found
}

// stopOrphans ends what `dapr run` a killed run has left. It is told by the folder it runs in, so
// only where that is known.
func stopOrphans(root string) error {
	var pids []int
	for _, p := range processes() {
		if filepath.Base(p.Args[0]) == "dapr" && slices.Contains(p.Args, "-f") && p.Dir == root {
			pids = append(pids, p.PID)
		}
	}
	if left := terminate(pids, 10*time.Second); len(left) > 0 {
		return fmt.Errorf("%w: %v", errLeftover, left)
	}
	return nil
}

// processes reads /proc, which a bare Debian has while it lacks ps; macOS is the other way round.
func processes() []process {
	if runtime.GOOS != "linux" {
		return processesByPS()
	}
	entries, _ := filepath.Glob("/proc/[0-9]*")
	var all []process
	for _, dir := range entries {
		if p, ok := inspect(dir); ok {
			all = append(all, p)
		}
	}
	return all
}

// inspect answers false for a process that has ended (a zombie has no arguments) or is the kernel's.
func inspect(dir string) (process, bool) {
	pid, _ := strconv.Atoi(filepath.Base(dir))
	cmdline, err := os.ReadFile(filepath.Join(dir, "cmdline"))
	if err != nil || len(cmdline) == 0 {
		return process{}, false
	}
	p := process{PID: pid, Args: strings.Split(strings.TrimRight(string(cmdline), "\x00"), "\x00")}
	p.Dir, _ = os.Readlink(filepath.Join(dir, "cwd"))
	stat, _ := os.ReadFile(filepath.Join(dir, "stat"))
	if fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:]); len(fields) > 1 {
		p.Parent, _ = strconv.Atoi(string(fields[1]))
	}
	return p, true
}

func processesByPS() []process {
	out, err := exec.Command("ps", "-axo", "pid=,ppid=,command=").Output()
	if err != nil {
		return nil
	}
	var all []process
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		if len(fields) < 3 {
			continue
		}
		pid, _ := strconv.Atoi(fields[0])
		parent, _ := strconv.Atoi(fields[1])
		all = append(all, process{PID: pid, Parent: parent, Args: fields[2:]})
	}
	return all
}

// isRun guards against a process id that something else has meanwhile.
func isRun(pid int) bool {
	for _, p := range processes() {
		if p.PID == pid {
			return filepath.Base(p.Args[0]) == "run"
		}
	}
	return false
}

func alive(pid int) bool {
	if runtime.GOOS == "linux" {
		_, ok := inspect("/proc/" + strconv.Itoa(pid))
		return ok
	}
	return syscall.Kill(pid, 0) == nil
}

// terminate asks the processes to finish, waits, and answers (and names) those that did not.
func terminate(pids []int, wait time.Duration) (left []int) {
	for _, pid := range pids {
		_ = syscall.Kill(pid, syscall.SIGTERM) // gone already: just as well
	}
	left = waitGone(context.Background(), pids, wait)
	for _, pid := range left {
		fmt.Fprintf(os.Stderr, "run: %s (process %d) did not finish within %v\n", local.Describe(pid), pid, wait)
	}
	return left
}

func waitGone(ctx context.Context, pids []int, wait time.Duration) (left []int) {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		left = left[:0]
		for _, pid := range pids {
			if alive(pid) {
				left = append(left, pid)
			}
		}
		if len(left) == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return left
		case <-tick.C:
		}
	}
}
