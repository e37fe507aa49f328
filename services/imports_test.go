// Package services_test holds the code of all services to the rules of its layout.
package services_test

import (
	"bufio"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const module = "github.com/sidecart/sidecart/"

// domains are the packages that decide and know nothing of the world around them.
var domains = []string{
	"cart/internal/cart", "inventory/internal/stock", "notification/internal/message", "order/internal/order", "orderquery/internal/projection",
	"payment/internal/payment", "product/internal/catalogue", "user/internal/account", "user/internal/secret", "user/internal/session",
}

// file is a Go file below services.
type file struct {
	path    string // from services, with slashes
	imports []string
	lines   int
}

func (f file) folder() string  { return path.Dir(f.path) }
func (f file) service() string { return strings.Split(f.path, "/")[0] }
func (f file) isTest() bool    { return strings.HasSuffix(f.path, "_test.go") }

func files(t *testing.T) (all []file) {
	require.NoError(t, filepath.WalkDir(".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(name) != ".go" {
			return err
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		f := file{path: filepath.ToSlash(name)}
		for _, spec := range parsed.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			f.imports = append(f.imports, imported)
		}
		source, err := os.Open(name)
		if err != nil {
			return err
		}
		defer source.Close()
		scanner := bufio.NewScanner(source)
		for scanner.Scan() {
			f.lines++
		}
		all = append(all, f)
		return scanner.Err()
	}))
	require.Greater(t, len(all), 100)
	return all
}

// ofDomain tells whether a package belongs to the domain of a service.
func ofDomain(pkg, service string) bool {
	return slices.ContainsFunc(domains, func(domain string) bool {
		return strings.HasPrefix(domain, service+"/") && strings.HasPrefix(pkg+"/", domain+"/")
	})
}

func TestDomainsAreFreeOfTheWorld(t *testing.T) {
	seen := map[string]bool{}
	for _, f := range files(t) {
		for _, domain := range domains {
			if f.isTest() || !strings.HasPrefix(f.folder()+"/", domain+"/") {
				continue
			}
			seen[domain] = true
			for _, imported := range f.imports {
				own := ofDomain(strings.TrimPrefix(imported, module+"services/"), f.service())
				standard := !strings.Contains(strings.Split(imported, "/")[0], ".")
				if !own && !standard && imported != "github.com/google/uuid" && imported != module+"services/internal/money" {
					assert.Fail(t, "not for a domain", "%s imports %s", f.path, imported)
				}
				assert.NotContains(t, []string{"os", "net", "net/http", "database/sql"}, imported, f.path)
			}
		}
	}
	for _, domain := range domains {
		assert.True(t, seen[domain], "there is no %s", domain)
	}
}

func TestServicesDoNotKnowEachOther(t *testing.T) {
	for _, f := range files(t) {
		for _, imported := range f.imports {
			of, within := strings.CutPrefix(imported, module+"services/")
			of, _, _ = strings.Cut(of, "/")
			assert.False(t, within && of != f.service() && of != "internal", "%s imports %s", f.path, imported)
		}
	}
}

// What is for tests is not part of a service.
func TestServicesNeedNoTestCode(t *testing.T) {
	for _, f := range files(t) {
		if f.isTest() || strings.HasSuffix(f.folder(), "test") {
			continue
		}
		for _, imported := range f.imports {
			assert.False(t, strings.HasPrefix(imported, module+"test/"), "%s imports %s", f.path, imported)
			assert.False(t, imported == "testing" || strings.HasPrefix(imported, module) && strings.HasSuffix(imported, "test"), "%s imports %s", f.path, imported)
		}
	}
}

func TestFilesAreShort(t *testing.T) {
	for _, f := range files(t) {
		assert.LessOrEqual(t, f.lines, 400, f.path)
		if path.Base(f.path) == "main.go" {
			assert.LessOrEqual(t, f.lines, 120, f.path)
		}
	}
}
