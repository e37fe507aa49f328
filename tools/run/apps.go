package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// app is what this program needs to know of an entry of dapr.yaml.
type app struct {
	ID       string `yaml:"appID"`
	Dir      string `yaml:"appDirPath"`
	Port     int    `yaml:"appPort"`
	HTTP     int    `yaml:"daprHTTPPort"`
	GRPC     int    `yaml:"daprGRPCPort"`
	Internal int    `yaml:"daprInternalGRPCPort"`
	Metrics  int    `yaml:"metricsPort"`
}

func (a app) ports() []int { return []int{a.Port, a.HTTP, a.GRPC, a.Internal, a.Metrics} }

func readApps(path string) ([]app, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var file struct {
		Apps []app `yaml:"apps"`
	}
	if err := yaml.Unmarshal(data, &file); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if len(file.Apps) == 0 {
		return nil, fmt.Errorf("%s lists no apps", path)
	}
	return file.Apps, nil
}

// portsFree tries every port of dapr.yaml, on all interfaces as daprd does.
func portsFree(apps []app) error {
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
		return fmt.Sprintf("%s (process %d)", describe(pid), pid)
	}
	return "another process"
}
