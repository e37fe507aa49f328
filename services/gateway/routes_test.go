package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sidecart/sidecart/contracts/contracttest"
)

func TestRoutesAreThoseOfThePublicContract(t *testing.T) {
	contracttest.Routes(t, "public", newShop(t, routes()).router)
}

func TestEveryRouteTakesWhatThePublicContractSays(t *testing.T) {
	document := contracttest.OpenAPI(t, "public")
	for _, route := range routes() {
		t.Run(route.method+" "+route.path, func(t *testing.T) {
			item, operation := find(t, document, route.method, route.path)
			role, _ := operation.Extensions["x-role"].(string)
			assert.Equal(t, route.access != open, operation.Security != nil, "takes a token")
			assert.Equal(t, route.access == admin, role == "admin", "takes an administrator's token")
			assert.Equal(t, route.body, operation.RequestBody != nil, "takes a body")
			assert.ElementsMatch(t, parameters(item, operation, "query"), route.query, "query parameters")
			passed := append([]string{"idempotency-key", "prefer"}, lower(route.headers)...)
			assert.Subset(t, passed, parameters(item, operation, "header"), "headers that are passed on")
		})
	}
}

func TestEveryRouteLeadsToACallThatItsServiceHas(t *testing.T) {
	public := contracttest.OpenAPI(t, "public")
	for _, route := range routes() {
		apps := []string{route.app}
		query := slices.Clone(route.query)
		if route.app == named {
			apps = subscribers()
			query = slices.DeleteFunc(query, func(name string) bool { return name == "service" })
		}
		for _, app := range apps {
			t.Run(route.method+" "+route.path+" "+app, func(t *testing.T) {
				outerItem, outer := find(t, public, route.method, route.path)
				innerItem, inner := find(t, contracttest.OpenAPI(t, app), route.method, route.to)
				assert.Equal(t, route.access != open, inner.Security != nil, "takes a token")
				assert.ElementsMatch(t, append(parameters(outerItem, outer, "path"), query...), parameters(innerItem, inner, "query"), "query parameters")
				assert.ElementsMatch(t, parameters(outerItem, outer, "header"), parameters(innerItem, inner, "header"), "headers")
				assert.Equal(t, bodies(inner), bodies(outer), "left the service's bodies, right the public ones")
			})
		}
	}
}

func TestSubscribersAreTheAppsThatReceiveEvents(t *testing.T) {
	receive := map[string]bool{}
	for _, operation := range contracttest.Async(t).Operations {
		if operation.Action == "receive" {
			receive[operation.App] = true
		}
	}
	for _, app := range subscribers() {
		assert.True(t, receive[app], "%s hears nothing", app)
		delete(receive, app)
	}
	assert.Empty(t, receive, "apps whose dead letters nobody could see")
}

func find(t *testing.T, document *openapi3.T, method, path string) (*openapi3.PathItem, *openapi3.Operation) {
	t.Helper()
	item := document.Paths.Value(path)
	require.NotNil(t, item, "%s: no path %s", document.Info.Title, path)
	operation := item.GetOperation(method)
	require.NotNil(t, operation, "%s: no %s %s", document.Info.Title, method, path)
	return item, operation
}

func parameters(item *openapi3.PathItem, operation *openapi3.Operation, in string) []string {
	var names []string
	for _, parameter := range slices.Concat(item.Parameters, operation.Parameters) {
		if parameter.Value.In == in {
			names = append(names, parameter.Value.Name)
		}
	}
	if in == "header" {
		return lower(names)
	}
	return names
}

func lower(names []string) []string {
	out := make([]string, len(names))
	for i, name := range names {
		out[i] = strings.ToLower(name)
	}
	return out
}

// bodies are the shapes of the operation's request and answers.
func bodies(operation *openapi3.Operation) map[string]any {
	all := map[string]any{}
	add := func(where string, content openapi3.Content) {
		for kind, media := range content {
			all[where+" "+kind] = shape(media.Schema.Value)
		}
	}
	if operation.RequestBody != nil {
		add("request", operation.RequestBody.Value.Content)
	}
	for status, answer := range operation.Responses.Map() {
		add(status, answer.Value.Content)
	}
	return all
}

// shape is what a client's code depends on: names and types. Bounds and prose are left out, as
// services may word what they share in their own way.
func shape(schema *openapi3.Schema) any {
	if len(schema.AllOf) == 1 {
		return shape(schema.AllOf[0].Value)
	}
	if len(schema.Properties) == 0 && schema.Items == nil {
		return fmt.Sprint(schema.Type.Slice(), schema.Enum, schema.Nullable)
	}
	out := map[string]any{"required": slices.Sorted(slices.Values(schema.Required)), "nullable": schema.Nullable}
	for name, property := range schema.Properties {
		out["."+name] = shape(property.Value)
	}
	if schema.Items != nil {
		out["[]"] = shape(schema.Items.Value)
	}
	return out
}
