package contracttest

import (
	"slices"
	"sort"
	"testing"

	"github.com/gorilla/mux"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Routes fails when the router has a route that the service's contract does not name, or
// lacks one that it names. A route must name its path and its methods.
func Routes(t testing.TB, service string, router *mux.Router) {
	t.Helper()
	assert.Equal(t, promised(t, service), offered(t, router), "routes of %s: left the contract, right the code", service)
}

func promised(t testing.TB, service string) []string {
	t.Helper()
	routes := []string{}
	for path, item := range OpenAPI(t, service).Paths.Map() {
		if common(path) {
			continue
		}
		for method := range item.Operations() {
			routes = append(routes, method+" "+path)
		}
	}
	sort.Strings(routes)
	return routes
}

func offered(t testing.TB, router *mux.Router) []string {
	t.Helper()
	routes := []string{}
	require.NoError(t, router.Walk(func(route *mux.Route, _ *mux.Router, _ []*mux.Route) error {
		if route.GetHandler() == nil {
			return nil // the entry of a subrouter; its routes follow
		}
		path, err := route.GetPathTemplate()
		require.NoError(t, err, "a route without a path")
		if common(path) {
			return nil
		}
		methods, err := route.GetMethods()
		require.NoError(t, err, "%s takes any method", path)
		for _, method := range methods {
			routes = append(routes, method+" "+path)
		}
		return nil
	}))
	sort.Strings(routes)
	return slices.Compact(routes)
}
