// Package manifest reads dapr.yaml, the only place where the apps and their ports are written.
package manifest

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"gopkg.in/yaml.v3"
)

// Manifest is the multi-app run file. A field that is not here is an error, so that tests never
// run the shop otherwise than `dapr run -f .` does without anybody noticing.
type Manifest struct {
	Version int    `yaml:"version"`
	Name    string `yaml:"name"`
	Common  Common `yaml:"common"`
	Apps    []App  `yaml:"apps"`

	// Root is the folder that holds the file.
	Root string `yaml:"-"`
}

// Common is what all sidecars share.
type Common struct {
	ResourcesPaths       []string          `yaml:"resourcesPaths"`
	ConfigFilePath       string            `yaml:"configFilePath"`
	AppProtocol          string            `yaml:"appProtocol"`
	APIListenAddresses   string            `yaml:"apiListenAddresses"`
	MaxBodySize          string            `yaml:"maxBodySize"`
	ReadBufferSize       string            `yaml:"readBufferSize"`
	PlacementHostAddress string            `yaml:"placementHostAddress"`
	SchedulerHostAddress string            `yaml:"schedulerHostAddress"`
	DaprdLogDestination  string            `yaml:"daprdLogDestination"`
	AppLogDestination    string            `yaml:"appLogDestination"`
	Env                  map[string]string `yaml:"env"`
}

// App is one service beside its sidecar.
type App struct {
	ID       string            `yaml:"appID"`
	Dir      string            `yaml:"appDirPath"`
	Command  []string          `yaml:"command"`
	Port     int               `yaml:"appPort"`
	HTTP     int               `yaml:"daprHTTPPort"`
	GRPC     int               `yaml:"daprGRPCPort"`
	Internal int               `yaml:"daprInternalGRPCPort"`
	Metrics  int               `yaml:"metricsPort"`
	Env      map[string]string `yaml:"env"`
}

// Ports of the app and its sidecar.
func (a App) Ports() []int { return []int{a.Port, a.HTTP, a.GRPC, a.Internal, a.Metrics} }

// Shift moves every port by offset.
func (a App) Shift(offset int) App {
	for _, port := range []*int{&a.Port, &a.HTTP, &a.GRPC, &a.Internal, &a.Metrics} {
		*port += offset
	}
	return a
}

// Find loads the dapr.yaml of the folder dir or of the nearest one above.
func Find(dir string) (*Manifest, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	for at := dir; ; at = filepath.Dir(at) {
		m, err := Load(filepath.Join(at, "dapr.yaml"))
		if !errors.Is(err, os.ErrNotExist) {
			return m, err
		}
		if at == filepath.Dir(at) {
			return nil, fmt.Errorf("no dapr.yaml in %s or above: run inside the checkout", dir)
		}
	}
}

// Load reads one file.
func Load(path string) (*Manifest, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	m := &Manifest{Root: filepath.Dir(path)}
	dec := yaml.NewDecoder(bytes.NewReader(text))
	dec.KnownFields(true)
	if err := dec.Decode(m); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return m, m.check(path)
}

// check finds what would make two processes meet on one port.
func (m *Manifest) check(path string) error {
	if len(m.Apps) == 0 {
		return fmt.Errorf("%s lists no apps", path)
	}
	owner := map[int]string{}
	for _, app := range m.Apps {
		for _, port := range app.Ports() {
			if port == 0 {
				return fmt.Errorf("%s: %s has a port that is not pinned", path, app.ID)
			}
			if other, taken := owner[port]; taken {
				return fmt.Errorf("%s: port %d belongs to %s and to %s", path, port, other, app.ID)
			}
			owner[port] = app.ID
		}
	}
	return nil
}

// App finds an app by its id.
func (m *Manifest) App(id string) (App, error) {
	for _, app := range m.Apps {
		if app.ID == id {
			return app, nil
		}
	}
	return App{}, fmt.Errorf("dapr.yaml has no app %s", id)
}
