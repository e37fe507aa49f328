package local

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// component is all that a component file may hold. daprd reads on over what it does not know, so
// that a setting with a slip in its name has no effect and nobody is told.
type component struct {
	APIVersion string `yaml:"apiVersion"`
	Kind       string `yaml:"kind"`
	Metadata   struct {
		Name        string            `yaml:"name"`
		Namespace   string            `yaml:"namespace"`
		Labels      map[string]string `yaml:"labels"`
		Annotations map[string]string `yaml:"annotations"`
	} `yaml:"metadata"`
	Spec struct {
		Type         string     `yaml:"type"`
		Version      string     `yaml:"version"`
		IgnoreErrors bool       `yaml:"ignoreErrors"`
		InitTimeout  string     `yaml:"initTimeout"`
		Metadata     []property `yaml:"metadata"`
	} `yaml:"spec"`
	Auth struct {
		SecretStore string `yaml:"secretStore"`
	} `yaml:"auth"`
	Scopes []string `yaml:"scopes"`
}

type property struct {
	Name         string    `yaml:"name"`
	Value        yaml.Node `yaml:"value"`
	EnvRef       string    `yaml:"envRef"`
	SecretKeyRef struct {
		Name string `yaml:"name"`
		Key  string `yaml:"key"`
	} `yaml:"secretKeyRef"`
}

// CheckResources reads the component files of a folder as daprd should.
func CheckResources(folder string) error {
	files, err := filepath.Glob(filepath.Join(folder, "*.yaml"))
	if err != nil {
		return err
	}
	known, err := knownFields("tools/internal/local/fields.txt")
	if err != nil {
		return err
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		if err := checkComponents(text, known); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
	}
	return nil
}

func checkComponents(text []byte, known map[string][]string) error {
	loose := yaml.NewDecoder(bytes.NewReader(text))
	strict := yaml.NewDecoder(bytes.NewReader(text))
	strict.KnownFields(true)
	for {
		var what struct {
			Kind string `yaml:"kind"`
		}
		err := loose.Decode(&what)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return plain(err)
		}
		var c component
		err = strict.Decode(&c)
		if what.Kind != "Component" {
			continue // somebody else's fields
		}
		if err != nil {
			return plain(err)
		}
		if err := c.check(known); err != nil {
			return err
		}
	}
}

func (c component) check(known map[string][]string) error {
	if c.Metadata.Name == "" || c.Spec.Type == "" {
		return errors.New("a component without metadata.name or spec.type: add it")
	}
	names, ok := known[c.Spec.Type]
	if !ok {
		return nil
	}
	for _, p := range c.Spec.Metadata {
		if slices.Contains(names, p.Name) {
			continue
		}
		for _, name := range names {
			if strings.EqualFold(name, p.Name) {
				return fmt.Errorf("component %s: %s is written %s", c.Metadata.Name, p.Name, name)
			}
		}
		return fmt.Errorf("component %s: %s has no field %q and would go without it: correct the name (tools/internal/local/fields.txt lists all)",
			c.Metadata.Name, c.Spec.Type, p.Name)
	}
	return nil
}

var unknownField = regexp.MustCompile(`line (\d+): field (\S+) not found in type \S+`)

// Store is the state component of an app.
type Store struct{ App, Component string }

// Stores lists those of a folder of components, by app. Each belongs to one app alone.
func Stores(folder string) ([]Store, error) {
	files, err := filepath.Glob(filepath.Join(folder, "*.yaml"))
	if err != nil {
		return nil, err
	}
	var stores []Store
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		for decoder := yaml.NewDecoder(bytes.NewReader(text)); ; {
			var c component
			err := decoder.Decode(&c)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return nil, fmt.Errorf("%s: %w", file, plain(err))
			}
			if c.Kind != "Component" || !strings.HasPrefix(c.Spec.Type, "state.") {
				continue
			}
			if len(c.Scopes) != 1 {
				return nil, fmt.Errorf("%s: component %s has to belong to one app, but its scopes are %v", file, c.Metadata.Name, c.Scopes)
			}
			stores = append(stores, Store{c.Scopes[0], c.Metadata.Name})
		}
	}
	slices.SortFunc(stores, func(a, b Store) int { return strings.Compare(a.App, b.App) })
	return stores, nil
}

// plain turns the decoder's report into a sentence.
func plain(err error) error {
	if found := unknownField.FindStringSubmatch(err.Error()); found != nil {
		return fmt.Errorf("line %s: a component has no field %q there: correct its name or place", found[1], found[2])
	}
	return errors.New(strings.Join(strings.Fields(err.Error()), " "))
}

// knownFields reads the names that each type of component takes.
func knownFields(path string) (map[string][]string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	known := map[string][]string{}
	for line := range strings.Lines(string(text)) {
		if words := strings.Fields(line); len(words) > 1 && words[0] != "#" {
			known[words[0]] = words[1:]
		}
	}
	return known, nil
}
