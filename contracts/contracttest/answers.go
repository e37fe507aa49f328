package contracttest

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Answer fails when an answer of the service is not one that its contract describes. path
// may be the contract's own or a real one, with or without a query.
func Answer(t testing.TB, service, method, path string, status int, body []byte) {
	t.Helper()
	operation := operation(t, service, method, path)
	response := operation.Responses.Status(status)
	if response == nil && status >= 400 {
		response = operation.Responses.Default()
	}
	require.NotNil(t, response, "%s: %s %s has no answer %d", service, method, path, status)
	for kind, media := range response.Value.Content {
		require.NotNil(t, media.Schema, "%s: %s %s: answer %d as %s has no schema", service, method, path, status, kind)
		value := decode(t, body)
		err := media.Schema.Value.VisitJSON(value, openapi3.VisitAsResponse(), openapi3.MultiErrors(), openapi3.EnableFormatValidation())
		assert.NoError(t, err, "%s: %s %s answered %d %s", service, method, path, status, body)
		return
	}
	require.Fail(t, "no content", "%s: %s %s: answer %d has no content, but an empty answer proves nothing", service, method, path, status)
}

func operation(t testing.TB, service, method, path string) *openapi3.Operation {
	t.Helper()
	path, _, _ = strings.Cut(path, "?")
	paths := OpenAPI(t, service).Paths
	item := paths.Value(path)
	for _, template := range paths.InMatchingOrder() {
		if item == nil && matches(template, path) {
			item = paths.Value(template)
		}
	}
	require.NotNil(t, item, "%s: no contract for the path %s", service, path)
	operation := item.GetOperation(method)
	require.NotNil(t, operation, "%s: no contract for %s %s", service, method, path)
	return operation
}

func matches(template, path string) bool {
	want, have := strings.Split(template, "/"), strings.Split(path, "/")
	if len(want) != len(have) {
		return false
	}
	for i := range want {
		if want[i] != have[i] && !(strings.HasPrefix(want[i], "{") && have[i] != "") {
			return false
		}
	}
	return true
}

// decode keeps numbers as the contract's validators want them and insists on one JSON value.
func decode(t testing.TB, body []byte) any {
	t.Helper()
	var value any
	decoder := json.NewDecoder(bytes.NewReader(body))
	require.NoError(t, decoder.Decode(&value), "not JSON: %s", strconv.Quote(string(body)))
	require.False(t, decoder.More(), "more than one JSON value: %s", body)
	return value
}
