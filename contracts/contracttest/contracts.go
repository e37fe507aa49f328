// Package contracttest holds code to the contracts and the contracts to the code: a
// service's tests call it with their routes, their answers and the events they emit.
package contracttest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"
)

// Folder is where the contracts lie, whatever package is being tested: from the source
// file's own path, or, in a binary built with -trimpath, up from the working directory.
func Folder() (string, error) {
	if _, file, _, ok := runtime.Caller(0); ok && filepath.IsAbs(file) {
		return filepath.Dir(filepath.Dir(file)), nil
	}
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "contracts", "asyncapi.yaml")); err == nil {
			return filepath.Join(dir, "contracts"), nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("contracttest: no folder contracts above the working directory")
		}
		dir = filepath.Dir(dir)
	}
}

func folder(t testing.TB) string {
	t.Helper()
	dir, err := Folder()
	require.NoError(t, err)
	return dir
}

// documents keeps what was read, by file: reading is slow under the race detector, a test asks
// for its contract at every answer, and the files do not change under it.
var documents sync.Map

// OpenAPI is the valid document contracts/openapi/<name>.yaml, with references resolved. It is
// shared: do not change it.
func OpenAPI(t testing.TB, name string) *openapi3.T {
	t.Helper()
	file := filepath.Join(folder(t), "openapi", name+".yaml")
	read, _ := documents.LoadOrStore(file, sync.OnceValues(func() (*openapi3.T, error) {
		loader := openapi3.NewLoader()
		loader.IsExternalRefsAllowed = true
		document, err := loader.LoadFromFile(file)
		if err != nil {
			return nil, err
		}
		return document, document.Validate(context.Background())
	}))
	document, err := read.(func() (*openapi3.T, error))()
	require.NoError(t, err, "contract of %s", name)
	return document
}

// Schema is the schema contracts/events/<kind>.json of an event type's data.
func Schema(t testing.TB, kind string) *jsonschema.Schema {
	t.Helper()
	compiler := jsonschema.NewCompiler()
	compiler.DefaultDraft(jsonschema.Draft2020)
	compiler.AssertFormat()
	schema, err := compiler.Compile(filepath.Join(folder(t), "events", kind+".json"))
	require.NoError(t, err, "contract of event %s", kind)
	return schema
}

// common are the paths that every service has; no contract repeats them.
func common(path string) bool {
	return path == "/healthz" || path == "/readyz" || path == "/metrics" || strings.HasPrefix(path, "/events/")
}
