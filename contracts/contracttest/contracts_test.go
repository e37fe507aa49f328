package contracttest

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
)

// files are the names of the files in a folder of contracts, without their extension.
func files(t *testing.T, pattern string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(folder(t), pattern))
	require.NoError(t, err)
	require.NotEmpty(t, paths, pattern)
	for i, path := range paths {
		paths[i] = strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
	}
	return paths
}

// kinds are the event types that have a schema; other files in the folder hold shared parts.
func kinds(t *testing.T) []string {
	t.Helper()
	versioned := regexp.MustCompile(`^[a-z_.]+\.v[1-9][0-9]*$`)
	return slices.DeleteFunc(files(t, "events/*.json"), func(name string) bool { return !versioned.MatchString(name) })
}

func TestEveryEventSchemaHasExamplesThatItTakes(t *testing.T) {
	for _, kind := range kinds(t) {
		t.Run(kind, func(t *testing.T) {
			schema := Schema(t, kind)
			require.NotEmpty(t, schema.Examples)
			for _, example := range schema.Examples {
				assert.NoError(t, schema.Validate(example))
			}
		})
	}
}

func TestEventSchemasRefuseUnknownMembers(t *testing.T) {
	for _, kind := range kinds(t) {
		t.Run(kind, func(t *testing.T) {
			schema := Schema(t, kind)
			require.NotEmpty(t, schema.Examples)
			example, ok := schema.Examples[0].(map[string]any)
			require.True(t, ok, "an event's data is an object")
			example["unheardOf"] = true
			assert.Error(t, schema.Validate(example))
		})
	}
}

func TestEveryEventHasSchemaTopicSenderAndReceiver(t *testing.T) {
	document := Async(t)
	carried, sent, received := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, types := range document.Topics {
		for _, kind := range types {
			assert.False(t, carried[kind], "%s is on two topics", kind)
			carried[kind] = true
		}
	}
	for _, o := range document.Operations {
		direction := map[string]map[string]bool{"send": sent, "receive": received}[o.Action]
		require.NotNil(t, direction, "action %q", o.Action)
		for _, kind := range o.Types {
			direction[kind] = true
		}
	}
	for _, kind := range kinds(t) {
		assert.True(t, carried[kind], "%s has a schema, but asyncapi.yaml does not name it", kind)
		delete(carried, kind)
		assert.True(t, sent[kind], "nobody sends %s", kind)
		assert.True(t, received[kind], "nobody receives %s", kind)
	}
	assert.Empty(t, carried, "types of asyncapi.yaml without a schema")
}

func TestEveryMessagePayloadIsTheSchemaOfItsType(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join(folder(t), "asyncapi.yaml"))
	require.NoError(t, err)
	var document struct {
		Components struct {
			Messages map[string]struct{ Payload yaml.Node }
		}
	}
	require.NoError(t, yaml.Unmarshal(raw, &document))
	require.NotEmpty(t, document.Components.Messages)
	for kind, message := range document.Components.Messages {
		var payload any
		require.NoError(t, message.Payload.Decode(&payload))
		text := fmt.Sprint(payload)
		assert.Contains(t, text, "type:map[const:"+kind+"]")
		assert.Contains(t, text, "$ref:events/"+kind+".json]")
	}
}

func TestSubscriptionsAgreeWithAsyncAPI(t *testing.T) {
	file, err := os.Open(filepath.Join(folder(t), "..", "components", "subscriptions.yaml"))
	require.NoError(t, err)
	defer file.Close()
	var subscribed, documented []string
	for decoder := yaml.NewDecoder(file); ; {
		var subscription struct {
			Scopes []string
			Spec   struct{ PubSubName, Topic string }
		}
		err := decoder.Decode(&subscription)
		if err == io.EOF {
			break
		}
		require.NoError(t, err)
		for _, app := range subscription.Scopes {
			subscribed = append(subscribed, app+" hears "+subscription.Spec.Topic+" through "+subscription.Spec.PubSubName)
		}
	}
	for _, o := range Async(t).Operations {
		if o.Action == "receive" {
			documented = append(documented, o.App+" hears "+o.Topic+" through "+o.PubSub)
		}
	}
	assert.ElementsMatch(t, documented, subscribed, "left asyncapi.yaml, right components/subscriptions.yaml")
}

func TestProblemCodesAreThoseOfTheCode(t *testing.T) {
	source := filepath.Join(folder(t), "..", "services", "internal", "problem", "problem.go")
	parsed, err := parser.ParseFile(token.NewFileSet(), source, nil, 0)
	require.NoError(t, err)
	var inCode []string
	ast.Inspect(parsed, func(node ast.Node) bool {
		spec, ok := node.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if kind, ok := spec.Type.(*ast.Ident); !ok || kind.Name != "Code" {
			return true
		}
		for _, value := range spec.Values {
			literal, ok := value.(*ast.BasicLit)
			require.True(t, ok)
			text, err := strconv.Unquote(literal.Value)
			require.NoError(t, err)
			inCode = append(inCode, text)
		}
		return true
	})
	code := OpenAPI(t, "problem").Components.Schemas["Code"].Value
	var inContract []string
	for _, value := range code.Enum {
		text := fmt.Sprint(value)
		inContract = append(inContract, text)
		assert.Contains(t, code.Description, text)
	}
	assert.ElementsMatch(t, inContract, inCode, "left problem.yaml, right services/internal/problem")
}

func TestEveryOpenAPIDocumentIsValidAndClosed(t *testing.T) {
	for _, name := range files(t, "openapi/*.yaml") {
		t.Run(name, func(t *testing.T) {
			raw, err := json.Marshal(OpenAPI(t, name))
			require.NoError(t, err)
			var document any
			require.NoError(t, json.Unmarshal(raw, &document))
			requireClosed(t, "", document)
			for path, item := range OpenAPI(t, name).Paths.Map() {
				for method, operation := range item.Operations() {
					assert.NotNil(t, operation.Responses.Default(), "%s %s has no default answer: the problem", method, path)
					for status, response := range operation.Responses.Map() {
						assertAnswer(t, method+" "+path+" "+status, response.Value)
					}
				}
			}
		})
	}
}

// assertAnswer wants one described JSON body in every answer: an empty one proves nothing.
func assertAnswer(t *testing.T, where string, response *openapi3.Response) {
	t.Helper()
	assert.Len(t, response.Content, 1, "%s", where)
	for kind, media := range response.Content {
		assert.Contains(t, []string{"application/json", "application/problem+json"}, kind, "%s", where)
		assert.NotNil(t, media.Schema, "%s has no schema", where)
	}
}

// requireClosed wants additionalProperties: false wherever a schema names properties, so that
// a member that no contract names is found.
func requireClosed(t *testing.T, where string, node any) {
	t.Helper()
	switch node := node.(type) {
	case map[string]any:
		if _, ok := node["properties"].(map[string]any); ok && node["type"] == "object" {
			assert.Equal(t, false, node["additionalProperties"], "%s lets unknown members pass", where)
		}
		for name, child := range node {
			requireClosed(t, where+"/"+name, child)
		}
	case []any:
		for i, child := range node {
			requireClosed(t, where+"/"+strconv.Itoa(i), child)
		}
	}
}
