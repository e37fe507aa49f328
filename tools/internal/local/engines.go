package local

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// Engines are what lies underneath, by the names of the folders in components/state and
// components/pubsub. Each has a script of that name in tools/engines; all that is peculiar to one
// stands in its folder and its script. Without PubSub it is the state alone.
type Engines struct{ State, PubSub string }

// ChooseEngines reads STATE and PUBSUB; where they are empty it is what dapr.yaml names.
func ChooseEngines(getenv func(string) string, file *RunFile) (e Engines, err error) {
	if e.State, err = choose("STATE", getenv("STATE"), file.stateFolder()); err != nil {
		return e, err
	}
	e.PubSub, err = choose("PUBSUB", getenv("PUBSUB"), file.pubsubFolder())
	return e, err
}

// ChooseState reads STATE only.
func ChooseState(getenv func(string) string, file *RunFile) (e Engines, err error) {
	e.State, err = choose("STATE", getenv("STATE"), file.stateFolder())
	return e, err
}

// choose takes the engine's folder to be a sister of the one in dapr.yaml.
func choose(variable, name, folder string) (string, error) {
	if name == "" {
		return filepath.Base(folder), nil
	}
	found, err := filepath.Glob(filepath.Join(filepath.Dir(folder), "*", "*.yaml"))
	if err != nil {
		return "", err
	}
	var names []string
	for _, path := range found {
		names = append(names, filepath.Base(filepath.Dir(path)))
	}
	slices.Sort(names)
	if names = slices.Compact(names); !slices.Contains(names, name) {
		return "", fmt.Errorf("%s=%s is no engine that Sidecart knows: choose one of %s", variable, name, strings.Join(names, ", "))
	}
	return name, nil
}

func (e Engines) list() []string {
	if e.PubSub == "" {
		return []string{e.State}
	}
	return slices.Compact([]string{e.State, e.PubSub})
}

// Up makes sure that the engines answer, and writes down for the sidecars where and how.
func (e Engines) Up(ctx context.Context) error {
	values := map[string]string{}
	for _, name := range e.list() {
		out, err := engine(ctx, nil, name, "up")
		if err != nil {
			return err
		}
		for line := range strings.Lines(out) {
			if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
				values[name] = value
			}
		}
	}
	text, err := json.MarshalIndent(values, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(whereAbouts, append(text, '\n'), 0o600)
}

// whereAbouts is the secret store `engines`.
var whereAbouts = filepath.Join(Folder, "engines.json")

// Keys asks the state's engine, after Up, for the keys of an app's documents: what no Dapr API
// tells. The output is described in tools/engines/engine.sh.
func (e Engines) Keys(ctx context.Context, app string) (output string, err error) {
	text, err := os.ReadFile(whereAbouts)
	if err != nil {
		return "", err
	}
	var values map[string]string
	if err := json.Unmarshal(text, &values); err != nil {
		return "", fmt.Errorf("%s: %w", whereAbouts, err)
	}
	var lines strings.Builder
	for name, value := range values {
		fmt.Fprintf(&lines, "%s=%s\n", name, value)
	}
	return engine(ctx, strings.NewReader(lines.String()), e.State, "keys", app)
}

// Release is for the end of a run; what becomes of a server is its script's business.
func (e Engines) Release() error {
	var errs []error
	for _, name := range e.list() {
		_, err := engine(context.Background(), nil, name, "release")
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// Explain says what a sidecar's last words mean to whoever chose the engines, if one of them knows.
func (e Engines) Explain(cause string) string {
	for _, name := range e.list() {
		if meaning, err := engine(context.Background(), nil, name, "explain", cause); err == nil && meaning != "" {
			return meaning
		}
	}
	return ""
}

// EnginesDown stops the servers that any run has started.
func EnginesDown() error {
	scripts, err := filepath.Glob("tools/engines/*.sh")
	errs := []error{err}
	for _, script := range scripts {
		if name := strings.TrimSuffix(filepath.Base(script), ".sh"); name != "engine" {
			_, err := engine(context.Background(), nil, name, "down")
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// engine runs an engine's script. The last line that it says on stderr when it fails is the error.
func engine(ctx context.Context, stdin io.Reader, name string, args ...string) (output string, err error) {
	cmd := exec.CommandContext(ctx, filepath.Join("tools", "engines", name+".sh"), args...)
	cmd.Stdin = stdin
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C is ours to pass on
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	said := &lastLine{to: os.Stderr}
	cmd.Stderr = said
	out, err := cmd.Output()
	said.flush(err == nil)
	var exit *exec.ExitError
	if errors.As(err, &exit) && said.held != "" {
		err = errors.New(strings.TrimSpace(said.held))
	}
	return string(out), err
}

// lastLine passes on what is written, a line behind.
type lastLine struct {
	to   io.Writer
	held string
	part []byte
}

func (l *lastLine) Write(p []byte) (int, error) {
	l.part = append(l.part, p...)
	for {
		end := bytes.IndexByte(l.part, '\n')
		if end < 0 {
			return len(p), nil
		}
		l.flush(true)
		l.held = string(l.part[:end+1])
		l.part = l.part[end+1:]
	}
}

func (l *lastLine) flush(show bool) {
	if show {
		_, _ = io.WriteString(l.to, l.held)
		l.held = ""
	}
}
