package main

import (
	"bytes"
	"context"
	"maps"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sidecart/sidecart/test/stack"
	"github.com/sidecart/sidecart/test/stack/manifest"
	"github.com/sidecart/sidecart/tools/internal/local"
)

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// house is a checkout with ports and servers of its own, in which the test stands. Two services have a
// store: more would only need more time to start.
type house struct {
	t   *testing.T
	env map[string]string
}

func newHouse(t *testing.T, engines ...string) *house {
	t.Helper()
	checkout, err := manifest.Find(".")
	require.NoError(t, err)
	h := &house{t, map[string]string{}}
	offset := stack.FreePorts(t)
	edits := map[string]func(string) string{"dapr.yaml": func(text string) string {
		return regexp.MustCompile(`Port: \d+`).ReplaceAllStringFunc(text, func(port string) string {
			n, err := strconv.Atoi(strings.TrimPrefix(port, "Port: "))
			require.NoError(t, err)
			return "Port: " + strconv.Itoa(n+offset)
		})
	}}
	for _, engine := range engines {
		server := stack.NewServer(t, engine)
		state := filepath.Join("components/state", engine, "state.yaml")
		edits[state] = twoStores
		switch engine {
		case "redis":
			_, port, err := net.SplitHostPort(server.Addr)
			require.NoError(t, err)
			edits["tools/engines/redis.sh"] = func(text string) string { return strings.Replace(text, "port=6379", "port="+port, 1) }
			edits[state] = func(text string) string {
				return strings.ReplaceAll(twoStores(text), "127.0.0.1:6379", server.Addr)
			}
		case "postgres":
			password, err := server.Password()
			require.NoError(t, err)
			t.Setenv("POSTGRES_URL", "postgres://sidecart:"+password+"@"+server.Addr+"/postgres")
		}
	}
	root := t.TempDir()
	for _, folder := range []string{"components", "tools"} {
		require.NoError(t, os.CopyFS(filepath.Join(root, folder), os.DirFS(filepath.Join(checkout.Root, folder))))
	}
	require.NoError(t, os.Mkdir(filepath.Join(root, local.Folder), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(root, local.Folder, "secrets.json"), []byte("{}"), 0o600))
	for _, app := range checkout.Apps {
		require.NoError(t, os.MkdirAll(filepath.Join(root, app.Dir), 0o700))
	}
	text, err := os.ReadFile(filepath.Join(checkout.Root, "dapr.yaml"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(root, "dapr.yaml"), text, 0o600))
	for file, edit := range edits {
		path := filepath.Join(root, file)
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		edited := edit(string(text))
		require.NotEqual(t, string(text), edited)
		require.NoError(t, os.WriteFile(path, []byte(edited), 0o700))
	}
	t.Chdir(root)
	return h
}

func twoStores(text string) string {
	return strings.Join(slices.DeleteFunc(strings.Split(text, "\n---\n"), func(component string) bool {
		return !strings.Contains(component, "scopes: [cart]") && !strings.Contains(component, "scopes: [user]")
	}), "\n---\n")
}

func (h *house) do(act, file, engine string) (output string, err error) {
	ctx, cancel := context.WithTimeout(h.t.Context(), 2*time.Minute)
	defer cancel()
	var out bytes.Buffer
	err = run(ctx, []string{act, file}, func(name string) string {
		if name == "STATE" {
			return engine
		}
		return ""
	}, &out)
	return out.String(), err
}

func (h *house) must(act, file, engine string) string {
	h.t.Helper()
	out, err := h.do(act, file, engine)
	require.NoError(h.t, err, "%s %s", act, engine)
	return out
}

// write a file of documents.
func (h *house) write(name string, cart, user []document) {
	h.t.Helper()
	require.NoError(h.t, os.WriteFile(name, written(h.t, section{"cart", cart}, section{"user", user}), 0o600))
}

// same looks at key and value exactly, and at times within the two seconds that rounding may cost.
func (h *house) same(name string, cart, user []document) {
	h.t.Helper()
	info, err := os.Stat(name)
	require.NoError(h.t, err)
	require.Equal(h.t, os.FileMode(0o600), info.Mode())
	file, err := os.ReadFile(name)
	require.NoError(h.t, err)
	read, err := readAll(file)
	require.NoError(h.t, err)
	require.Len(h.t, read, 2)
	for service, want := range map[string][]document{"cart": cart, "user": user} {
		require.Len(h.t, read[service], len(want))
		for i, d := range read[service] {
			require.Equal(h.t, want[i].Key, d.Key)
			require.True(h.t, bytes.Equal(want[i].Value, d.Value), d.Key)
			require.InDelta(h.t, want[i].Expires, d.Expires, 2, d.Key)
		}
	}
}

// awkward documents, in the order of their keys.
func awkward() []document {
	all := map[string][]byte{
		"large": bytes.Repeat([]byte("0123456789abcdef"), 1<<16), "binary": {0, 255, 10, 13, 0x80}, "spaced": []byte("{ \"a\" :\t1.0 }\n"),
		"a key with spaces, 'quotes', \"more\" and $HOME": []byte("1"), `back\slash`: []byte("null"), "größe-%s-*": []byte(`"é"`),
	}
	for i := range 2*chunk + 1 {
		all["many-"+strconv.Itoa(i)] = []byte(strconv.Itoa(i))
	}
	var documents []document
	for _, key := range sortedKeys(all) {
		documents = append(documents, document{Key: key, Value: all[key]})
	}
	return documents
}

// From every engine into the next: Redis, SQLite and, where STATE asks for another one, that.
func TestTheHouseMoves(t *testing.T) {
	engines := []string{"redis", "sqlite"}
	if state := stack.FromEnv().State; !slices.Contains(engines, state) {
		engines = append(engines, state)
	}
	h := newHouse(t, engines...)
	cart := awkward()
	user := []document{{Key: "session", Value: []byte("1"), Expires: time.Now().Add(time.Hour).Unix()}}
	gone := document{Key: "past", Value: []byte("1"), Expires: time.Now().Add(-time.Hour).Unix()}
	h.write("0", cart, append([]document{gone}, user...))

	from := "0"
	for i, engine := range engines {
		// An import that broke off has left some of the documents.
		h.write("some-"+engine, cart[:chunk+7], nil)
		h.must("import", "some-"+engine, engine)
		done := h.must("import", from, engine)
		require.Regexp(t, `(?m)^cart +107 +0 +[0-9a-f]{64}$`, done)
		require.Regexp(t, `(?m)^user +1 +\d +[0-9a-f]{64}$`, done)
		if i == 0 {
			h.conflicts(engine, cart, user)
			// Nothing was written: the zebra would be refused here.
			require.Equal(t, done, h.must("import", from, engine))
		}
		from = "from-" + engine
		h.must("export", from, engine)
		h.same(from, cart, user)
	}
	_, err := h.do("export", from, "sqlite")
	require.ErrorContains(t, err, "exists already")
	_, err = h.do("export", "new", "none")
	require.ErrorContains(t, err, "no engine that Sidecart knows")
}

// conflicts with what the engine has, and each time a document that it lacks.
func (h *house) conflicts(engine string, cart, user []document) {
	h.t.Helper()
	zebra := document{Key: "zebra", Value: []byte("1")}
	h.write("fewer", append(slices.Clone(cart[:9]), zebra), user)
	_, err := h.do("import", "fewer", engine)
	require.ErrorContains(h.t, err, "cart has a document that is not in the file")
	h.write("changed", append(slices.Clone(cart), zebra), []document{{Key: "session", Value: []byte("2")}})
	_, err = h.do("import", "changed", engine)
	require.ErrorContains(h.t, err, "user has another document under session")
	require.ErrorContains(h.t, err, "nothing was written")
}

func TestTheHouseStaysWhileTheShopRuns(t *testing.T) {
	h := newHouse(t)
	h.write("file", nil, nil)
	file, err := local.ReadRunFile("dapr.yaml")
	require.NoError(t, err)
	shop, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(file.Apps[3].Port))
	require.NoError(t, err)
	defer shop.Close()
	for act, name := range map[string]string{"import": "file", "export": "new"} {
		_, err := h.do(act, name, "sqlite")
		require.ErrorContains(t, err, "in use")
	}
	require.NoFileExists(t, "new")
	_, err = h.do("move", "file", "sqlite")
	require.ErrorContains(t, err, "make export FILE=")
	_, err = h.do("import", "none", "sqlite")
	require.ErrorContains(t, err, "there is no file none")
}
