package local

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// App is what this program needs to know of an entry of dapr.yaml.
type App struct {
	ID       string `yaml:"appID"`
	Dir      string `yaml:"appDirPath"`
	Port     int    `yaml:"appPort"`
	HTTP     int    `yaml:"daprHTTPPort"`
	GRPC     int    `yaml:"daprGRPCPort"`
	Internal int    `yaml:"daprInternalGRPCPort"`
	Metrics  int    `yaml:"metricsPort"`
}

func (a App) ports() []int { return []int{a.Port, a.HTTP, a.GRPC, a.Internal, a.Metrics} }

// PortsFree tries every port of dapr.yaml, on all interfaces as daprd does.
func PortsFree(apps []App) error {
	for _, a := range apps {
		for _, port := range a.ports() {
			listener, err := net.Listen("tcp", ":"+strconv.Itoa(port))
			if err != nil {
				return fmt.Errorf("port %d, which %s needs, is in use by %s: stop that (`make down`, if it is an earlier run) or change dapr.yaml", port, a.ID, owner(port))
			}
			listener.Close()
		}
	}
	return nil
}

// owner names the process that listens on a port, as well as the tools at hand allow.
func owner(port int) string {
	out, err := exec.Command("lsof", "-nP", "-iTCP:"+strconv.Itoa(port), "-sTCP:LISTEN", "-Fpc").Output()
	if err == nil {
		var pid, name string
		for line := range strings.Lines(string(out)) {
			switch {
			case pid == "" && strings.HasPrefix(line, "p"):
				pid = strings.TrimSpace(line[1:])
			case name == "" && strings.HasPrefix(line, "c"):
				name = strings.TrimSpace(line[1:])
			}
		}
		return fmt.Sprintf("%s (process %s)", name, pid)
	}
	if pid := listener(port); pid != 0 {
		return fmt.Sprintf("%s (process %d)", Describe(pid), pid)
	}
	return "another process"
}

// listener is the process that listens on a TCP port: /proc tells the socket, and the
// open files of a process which sockets it holds. 0 when it cannot be told.
func listener(port int) int {
	inodes := map[string]bool{}
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		data, _ := os.ReadFile(table)
		for line := range strings.Lines(string(data)) {
			f := strings.Fields(line)
			if len(f) > 9 && f[3] == "0A" && strings.HasSuffix(f[1], fmt.Sprintf(":%04X", port)) {
				inodes["socket:["+f[9]+"]"] = true
			}
		}
	}
	files, _ := filepath.Glob("/proc/[0-9]*/fd/*")
	for _, file := range files {
		if target, err := os.Readlink(file); err == nil && inodes[target] {
			pid, _ := strconv.Atoi(strings.Split(file, "/")[2])
			return pid
		}
	}
	return 0
}

// Describe names a process as well as it can.
func Describe(pid int) string {
	cmdline, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cmdline")
	if err != nil || len(cmdline) == 0 {
		return "a process"
	}
	program, _, _ := strings.Cut(string(cmdline), "\x00")
	return filepath.Base(program)
}
