package stack

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/sidecart/sidecart/test/stack/manifest"
)

// ground is what sidecars stand on: private engines, the real components rendered for them, secrets,
// and a name database of its own, so that two stacks on one machine never find each other's apps.
type ground struct {
	dir      string
	manifest *manifest.Manifest
	daprd    string
	engines  Engines
	store    *Server // nil when the engine has no server; the broker too when the engine is the same
	broker   *Server
	secrets  map[string]string
	token    string // the app API token

	resources []string
	config    string
}

// Edit changes a component file while it is rendered; name is its base name.
type Edit func(name, text string) string

func newGround(ctx context.Context, engines Engines, edit Edit) (_ *ground, err error) {
	g := &ground{token: rand.Text(), secrets: newSecrets(), engines: engines}
	if g.manifest, err = manifest.Find("."); err != nil {
		return nil, err
	}
	if g.daprd, err = findDaprd(ctx, g.manifest.Root); err != nil {
		return nil, err
	}
	if g.dir, err = os.MkdirTemp("", "sidecart-stack-"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = g.remove()
		}
	}()
	if err := os.Mkdir(filepath.Join(g.dir, "logs"), 0o700); err != nil {
		return nil, err
	}
	if err := g.startEngines(ctx); err != nil {
		return nil, err
	}
	if err := g.writeSecrets("secrets.json", g.secrets); err != nil {
		return nil, err
	}
	return g, g.render(edit)
}

// startEngines runs one server for both when the engines are the same.
func (g *ground) startEngines(ctx context.Context) (err error) {
	values := map[string]string{}
	run := func(name string) (*Server, error) {
		s, err := newServer(g.manifest.Root, name, filepath.Join(g.dir, name), logFile(g.dir, name))
		if s == nil || err != nil {
			return nil, err
		}
		err = s.Start(ctx)
		maps.Copy(values, s.values)
		return s, err
	}
	if g.store, err = run(g.engines.State); err != nil {
		return err
	}
	if g.broker = g.store; g.engines.PubSub != g.engines.State {
		if g.broker, err = run(g.engines.PubSub); err != nil {
			return err
		}
	}
	return g.writeSecrets("engines.json", values)
}

func (g *ground) killEngines() {
	g.store.Kill9()
	g.broker.Kill9()
}

// redis is the server that is one, the store if both are; nil when neither is.
func (g *ground) redis() *Server {
	for _, s := range []*Server{g.store, g.broker} {
		if s != nil && s.name == "redis" {
			return s
		}
	}
	return nil
}

func (g *ground) writeSecrets(name string, values map[string]string) error {
	text, err := json.Marshal(values)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(g.dir, name), text, 0o600)
}

func newSecrets() map[string]string {
	key := func() string {
		value := make([]byte, 32)
		rand.Read(value) // never fails: crypto/rand ends the program instead
		return base64.StdEncoding.EncodeToString(value)
	}
	return map[string]string{
		"jwt-signing-key": key(), "payment-webhook-secret": key(),
		"admin-email": "admin@sidecart.test", "admin-password": rand.Text(),
	}
}

// findDaprd answers the pinned runtime: DAPRD names it, else tools/install.sh finds or builds it.
func findDaprd(ctx context.Context, root string) (string, error) {
	if path := os.Getenv("DAPRD"); path != "" {
		return path, nil
	}
	var out, progress bytes.Buffer
	cmd := exec.CommandContext(ctx, filepath.Join(root, "tools", "install.sh"))
	cmd.Stdout, cmd.Stderr = &out, &progress
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("tools/install.sh: %w\n%s", err, progress.String())
	}
	for line := range strings.Lines(out.String()) {
		if path, ok := strings.CutPrefix(strings.TrimSpace(line), "DAPRD="); ok {
			return path, nil
		}
	}
	return "", errors.New("tools/install.sh did not say where daprd is; set DAPRD")
}

// render copies the resource folders and the configuration, with this ground's engines and files in
// them. Anything else of the developer's own system that is left in them is an error.
func (g *ground) render(edit Edit) error {
	common := g.manifest.Common
	for i, folder := range common.ResourcesPaths {
		switch filepath.Dir(folder) {
		case "components/state":
			folder = filepath.Join("components/state", g.engines.State)
		case "components/pubsub":
			folder = filepath.Join("components/pubsub", g.engines.PubSub)
		}
		target := filepath.Join(g.dir, "components", strconv.Itoa(i))
		if err := os.MkdirAll(target, 0o700); err != nil {
			return err
		}
		files, err := filepath.Glob(filepath.Join(g.manifest.Root, folder, "*.yaml"))
		if err != nil {
			return err
		}
		if len(files) == 0 {
			return fmt.Errorf("no components in %s", folder)
		}
		for _, file := range files {
			if err := g.renderFile(file, filepath.Join(target, filepath.Base(file)), edit); err != nil {
				return err
			}
		}
		g.resources = append(g.resources, target)
	}
	g.config = filepath.Join(g.dir, "configuration.yaml")
	return g.renderFile(filepath.Join(g.manifest.Root, common.ConfigFilePath), g.config, edit)
}

func (g *ground) renderFile(from, to string, edit Edit) error {
	content, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	text := strings.ReplaceAll(string(content), "../../.sidecart/", g.dir+"/")
	if redis := g.redis(); redis != nil {
		text = strings.ReplaceAll(text, "127.0.0.1:6379", redis.Addr)
	}
	if edit != nil {
		text = edit(filepath.Base(from), text)
	}
	for _, foreign := range []string{":6379", "../"} {
		if strings.Contains(text, foreign) {
			return fmt.Errorf("%s: %q would reach outside the stack", from, foreign)
		}
	}
	return os.WriteFile(to, []byte(text), 0o600)
}

// sidecar starts daprd with the flags that `dapr run` gives it. No placement, no scheduler:
// there are no actors, workflows or jobs.
func (g *ground) sidecar(app manifest.App) (*process, error) {
	common := g.manifest.Common
	argv := []string{
		g.daprd, "--app-id", app.ID, "--app-port", strconv.Itoa(app.Port), "--app-protocol", common.AppProtocol,
		"--dapr-http-port", strconv.Itoa(app.HTTP), "--dapr-grpc-port", strconv.Itoa(app.GRPC),
		"--dapr-internal-grpc-port", strconv.Itoa(app.Internal), "--metrics-port", strconv.Itoa(app.Metrics),
		"--dapr-listen-addresses", "127.0.0.1", "--dapr-internal-grpc-listen-address", "127.0.0.1", "--metrics-listen-address", "127.0.0.1",
		"--max-body-size", common.MaxBodySize, "--read-buffer-size", common.ReadBufferSize, "--config", g.config,
	}
	for _, path := range g.resources {
		argv = append(argv, "--resources-path", path)
	}
	name := app.ID + "-daprd"
	return start(command{
		name: name, dir: g.dir, log: logFile(g.dir, name), argv: argv,
		// The address under which other sidecars find this one.
		env: environment(map[string]string{"DAPR_HOST_IP": "127.0.0.1", "APP_API_TOKEN": g.token}),
	})
}

// appVariables are what `dapr run` sets for an app.
func (g *ground) appVariables(app manifest.App) map[string]string {
	return map[string]string{
		"APP_ID": app.ID, "APP_PORT": strconv.Itoa(app.Port), "APP_PROTOCOL": g.manifest.Common.AppProtocol, "APP_API_TOKEN": g.token,
		"DAPR_HTTP_PORT": strconv.Itoa(app.HTTP), "DAPR_GRPC_PORT": strconv.Itoa(app.GRPC), "DAPR_METRICS_PORT": strconv.Itoa(app.Metrics),
	}
}

func (g *ground) remove() error {
	g.killEngines()
	return os.RemoveAll(g.dir)
}

// environment of a child: the little that programs need anywhere, and nothing of a developer's
// shell that would change what is tested.
func environment(more map[string]string) []string {
	var env []string
	for _, name := range []string{"PATH", "HOME", "TMPDIR", "GORACE", "GOCOVERDIR"} {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	for name, value := range more {
		env = append(env, name+"="+value)
	}
	return env
}

func url(port int) string { return "http://" + net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }
