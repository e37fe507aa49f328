// Package local is what runs on a developer's machine are made of: dapr.yaml, the engines and their
// components, ports and the pinned tools. Its paths count from the root of the checkout.
package local

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"gopkg.in/yaml.v3"
)

// Folder holds secrets, logs and whatever else belongs to this checkout's runs.
const Folder = ".sidecart"

// RunFile is dapr.yaml.
type RunFile struct {
	path     string
	document yaml.Node
	Common   struct {
		ResourcesPaths []string `yaml:"resourcesPaths"`
		ConfigFilePath string   `yaml:"configFilePath"`
	} `yaml:"common"`
	Apps []App `yaml:"apps"`
}

// ReadRunFile reads and checks it.
func ReadRunFile(path string) (*RunFile, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	f := &RunFile{path: path}
	if err := yaml.Unmarshal(data, &f.document); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if err := f.document.Decode(f); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if len(f.Apps) == 0 || f.stateFolder() == "" || f.pubsubFolder() == "" {
		return nil, fmt.Errorf("%s has to list apps, and among resourcesPaths components/state/<engine> and components/pubsub/<engine>", path)
	}
	return f, nil
}

func (f *RunFile) stateFolder() string  { return f.folder("components/state") }
func (f *RunFile) pubsubFolder() string { return f.folder("components/pubsub") }

// StateFolder is where the components of a state engine lie.
func (f *RunFile) StateFolder(e Engines) string {
	return filepath.Join(filepath.Dir(f.stateFolder()), e.State)
}

func (f *RunFile) folder(above string) string {
	for _, path := range f.Common.ResourcesPaths {
		if filepath.Dir(path) == filepath.FromSlash(above) {
			return path
		}
	}
	return ""
}

// Resources are the folders that the sidecars load with these engines.
func (f *RunFile) Resources(e Engines) []string {
	var paths []string
	for _, path := range f.Common.ResourcesPaths {
		switch {
		case path == f.stateFolder():
			path = f.StateFolder(e)
		case path == f.pubsubFolder() && e.PubSub == "":
			continue
		case path == f.pubsubFolder():
			path = filepath.Join(filepath.Dir(path), e.PubSub)
		}
		paths = append(paths, path)
	}
	return paths
}

// With answers the run file for these engines: dapr.yaml itself, or a copy of it in Folder
// that differs in nothing else. (The CLI takes resource folders from no other place, and every path
// in the file from where the file lies.)
func (f *RunFile) With(e Engines) (string, error) {
	resources := f.Resources(e)
	if slices.Equal(resources, f.Common.ResourcesPaths) {
		return f.path, nil
	}
	up, err := filepath.Rel(Folder, filepath.Dir(f.path))
	if err != nil {
		return "", err
	}
	root := f.document.Content[0]
	common := field(root, "common")
	for i, node := range field(common, "resourcesPaths").Content {
		node.Value = filepath.Join(up, resources[i])
	}
	field(common, "configFilePath").Value = filepath.Join(up, f.Common.ConfigFilePath)
	for _, app := range field(root, "apps").Content {
		dir := field(app, "appDirPath")
		dir.Value = filepath.Join(up, dir.Value)
	}
	text, err := yaml.Marshal(&f.document)
	if err != nil {
		return "", err
	}
	path := filepath.Join(Folder, "dapr.yaml")
	return path, os.WriteFile(path, text, 0o600)
}

// field of a YAML mapping; an empty node when there is none.
func field(mapping *yaml.Node, key string) *yaml.Node {
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value == key {
			return mapping.Content[i+1]
		}
	}
	return &yaml.Node{}
}

// App finds an app by its id.
func (f *RunFile) App(id string) (App, error) {
	for _, a := range f.Apps {
		if a.ID == id {
			return a, nil
		}
	}
	return App{}, fmt.Errorf("%s has no app %s", f.path, id)
}
