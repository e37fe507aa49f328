package stack

import (
	"context"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sidecart/sidecart/test/stack/manifest"
)

// standIn is a service that does nothing but live and die as a service does.
const standIn = `package main

import ("context"; "fmt"; "net/http"; "os"; "os/signal"; "syscall")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	answer := func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, os.Getenv("APP_ID"), os.Getenv("COLOUR")) }
	http.HandleFunc("GET /{$}", answer)
	http.HandleFunc("GET /readyz", answer)
	go http.ListenAndServe("127.0.0.1:"+os.Getenv("APP_PORT"), nil)
	<-ctx.Done()
	fmt.Println("\n" + os.Getenv("LAST_WORDS"))
}
`

// standInShop changes into a checkout of two services with the real components.
func standInShop(t *testing.T) {
	t.Helper()
	shop, err := manifest.Find(".")
	require.NoError(t, err)
	daprd, err := findDaprd(t.Context(), shop.Root)
	require.NoError(t, err)
	t.Setenv("DAPRD", daprd)
	root := t.TempDir()
	for _, folder := range []string{"components", "tools/engines"} {
		require.NoError(t, os.CopyFS(filepath.Join(root, folder), os.DirFS(filepath.Join(shop.Root, folder))))
	}
	text, err := os.ReadFile(filepath.Join(shop.Root, "dapr.yaml"))
	require.NoError(t, err)
	head, _, _ := strings.Cut(string(text), "\napps:")
	files := map[string]string{"go.mod": "module shop\n\ngo 1.26\n", "dapr.yaml": head + "\napps:\n"}
	for _, id := range []string{"gateway", "cart"} {
		app, err := shop.App(id)
		require.NoError(t, err)
		files["dapr.yaml"] += "  - {appID: " + id + ", appDirPath: services/" + id + ", command: [x]"
		for j, field := range []string{"appPort", "daprHTTPPort", "daprGRPCPort", "daprInternalGRPCPort", "metricsPort"} {
			files["dapr.yaml"] += ", " + field + ": " + strconv.Itoa(app.Ports()[j])
		}
		files["dapr.yaml"] += "}\n"
		files[filepath.Join("services", id, "main.go")] = standIn
	}
	for name, text := range files {
		path := filepath.Join(root, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	}
	t.Chdir(root)
}

func TestStackObeys(t *testing.T) {
	standInShop(t)
	s := Start(t, Options{Engines: Engines{"redis", "redis"}, Env: map[string]map[string]string{"": {"COLOUR": " red"}, "cart": {"COLOUR": " blue"}}})
	ask := func(app string) string {
		_, body := get(t, s.SidecarURL("gateway")+"/", app)
		return body
	}
	require.Equal(t, "cart blue", ask("cart"))
	_, body := get(t, s.GatewayURL(), "")
	require.Equal(t, "gateway red", body)

	require.NoError(t, s.Kill9("cart"))
	require.ErrorContains(t, s.WaitReady(soon(t)), "cart is not running")
	require.Error(t, s.Kill9("cart"), "it is dead already")
	require.NoError(t, s.SetEnv("cart", "COLOUR", " green"))
	require.NoError(t, s.StartApp("cart"))
	require.Error(t, s.StartApp("cart"), "it runs already")
	require.NoError(t, s.Kill9Sidecar("cart"))
	require.NoError(t, s.StartSidecar("cart"))
	require.NoError(t, s.WaitReady(soon(t)))
	// Its callers' connections to the old sidecar need a moment to be made anew.
	require.NoError(t, poll(soon(t), func() error {
		if got := ask("cart"); got != "cart green" {
			return errors.New(got)
		}
		return nil
	}))

	require.NoError(t, s.Pause("cart"))
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, s.WaitAppReady(ctx, "cart"), context.DeadlineExceeded)
	require.NoError(t, s.Resume("cart"))
	require.NoError(t, s.WaitReady(soon(t)))

	corruptAndRestore(t, s)
	require.NoError(t, s.KillStore())
	require.NoError(t, s.StartStore(soon(t)))
	require.Error(t, s.StartStore(soon(t)), "it runs already")
	code, err := s.StopApp("cart")
	require.NoError(t, err)
	require.Zero(t, code)
	require.Error(t, s.Kill9("nobody"))
	_, err = Launch(soon(t), Options{PortOffset: s.PortOffset()})
	require.Error(t, err, "the ports are taken")
}

func corruptAndRestore(t *testing.T, s *Stack) {
	t.Helper()
	ctx := soon(t)
	unchanged := func(document string) string { return document }
	_, err := s.Corrupt(ctx, "cart", "a", unchanged)
	require.ErrorContains(t, err, "nothing was corrupted")
	require.NoError(t, s.overwrite(ctx, "cart", "a", `{"b":2, "a":1}`))
	for _, change := range []func(string) string{
		func(document string) string { return strings.Replace(document, "1", "7", 1) },
		func(string) string { return "" },
	} {
		restore, err := s.Corrupt(ctx, "cart", "a", change)
		require.NoError(t, err)
		document, _, err := s.document(ctx, "cart", "a")
		require.NoError(t, err)
		require.Equal(t, change(`{"b":2, "a":1}`), document)
		require.NoError(t, restore(ctx))
		document, _, err = s.document(ctx, "cart", "a")
		require.NoError(t, err)
		require.Equal(t, `{"b":2, "a":1}`, document)
	}
	_, err = s.Corrupt(ctx, "nobody", "a", unchanged)
	require.ErrorContains(t, err, "no app nobody")
}

func TestStopTellsOfCrashesAndLeavesNothing(t *testing.T) {
	standInShop(t)
	s, err := Launch(t.Context(), Options{Engines: Engines{"redis", "redis"}, Env: map[string]map[string]string{"cart": {"LAST_WORDS": "panic: oh"}}})
	require.NoError(t, err)
	var pids []int
	for _, u := range s.units {
		pids = append(pids, u.process.cmd.Process.Pid, u.sidecar.cmd.Process.Pid)
	}
	pids = append(pids, s.store.process.cmd.Process.Pid)
	require.ErrorContains(t, s.Stop(), "cart: \npanic: oh")
	for _, pid := range pids {
		require.ErrorIs(t, syscall.Kill(pid, 0), syscall.ESRCH)
	}
	require.NoDirExists(t, s.dir)
}

// The test runs itself as a program that starts a stack, and kills it.
func TestNoProcessOutlivesItsStarter(t *testing.T) {
	if os.Getenv("STACK_STARTER") != "" {
		starter(t)
		return
	}
	standInShop(t)
	out := filepath.Join(t.TempDir(), "out")
	p, err := start(command{name: "starter", log: out, argv: []string{os.Args[0], "-test.run", "^TestNoProcessOutlivesItsStarter$", "-test.v"},
		env: append(os.Environ(), "STACK_STARTER=yes", "TMPDIR="+t.TempDir())})
	require.NoError(t, err)
	t.Cleanup(p.kill9)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var pids []string
	require.NoError(t, poll(ctx, func() error {
		text, _ := os.ReadFile(out)
		_, line, ok := strings.Cut(string(text), "pids ")
		if line, _, ok = strings.Cut(line, "\n"); !ok {
			return exec.ErrNotFound
		}
		pids = strings.Fields(line)
		return nil
	}))
	require.Len(t, pids, 5)
	p.kill9()
	require.NoError(t, poll(soon(t), func() error {
		for _, text := range pids {
			pid, err := strconv.Atoi(text)
			require.NoError(t, err)
			if syscall.Kill(pid, 0) == nil && !zombie(pid) {
				return os.ErrExist
			}
		}
		return nil
	}))
}

// zombie: dead, but nobody has asked for its exit code yet; as when no init process runs.
func zombie(pid int) bool {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err == nil && strings.Contains(string(text), ") Z ")
}

func starter(t *testing.T) {
	s, err := Launch(t.Context(), Options{Engines: Engines{"redis", "redis"}})
	require.NoError(t, err)
	pids := []string{strconv.Itoa(s.store.process.cmd.Process.Pid)}
	for _, u := range s.units {
		pids = append(pids, strconv.Itoa(u.process.cmd.Process.Pid), strconv.Itoa(u.sidecar.cmd.Process.Pid))
	}
	_, _ = os.Stdout.WriteString("pids " + strings.Join(pids, " ") + "\n")
	_ = http.ListenAndServe("127.0.0.1:0", nil) // for ever
}
