package contracttest

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Event fails when an event is not what its contracts say: the CloudEvents envelope, a type
// that its source may send, and data that its schema takes. It is read in its JSON form, as
// receivers do, so any value that encodes to a CloudEvent will do (Go keeps the services'
// own type internal to them).
func Event(t testing.TB, e any) {
	t.Helper()
	raw, err := json.Marshal(e)
	require.NoError(t, err)
	var envelope struct {
		SpecVersion, ID, Type, Source, Subject, DataContentType string

		Data json.RawMessage
	}
	require.NoError(t, json.Unmarshal(raw, &envelope))
	assert.Equal(t, "1.0", envelope.SpecVersion, "specversion of %s", raw)
	assert.NotEmpty(t, envelope.ID, "id of %s", raw)
	assert.NotEmpty(t, envelope.Subject, "subject of %s", raw)
	assert.Equal(t, "application/json", envelope.DataContentType, "datacontenttype of %s", raw)
	app, ok := strings.CutPrefix(envelope.Source, "/services/")
	require.True(t, ok, "source of %s", raw)
	assert.True(t, slices.ContainsFunc(Async(t).Operations, func(o Operation) bool {
		return o.Action == "send" && o.App == app && slices.Contains(o.Types, envelope.Type)
	}), "asyncapi.yaml does not let %s send %s", app, envelope.Type)
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(envelope.Data))
	require.NoError(t, err, "data of %s", raw)
	assert.NoError(t, Schema(t, envelope.Type).Validate(value), "data of %s", raw)
}

// Hears fails unless the service handles exactly the types of a topic that asyncapi.yaml says
// it receives, and knows every other type of that topic as one to ignore: what it does not
// know it would park.
func Hears(t testing.TB, service, topic string, types, ignored []string) {
	t.Helper()
	document := Async(t)
	var received []string
	for _, o := range document.Operations {
		if o.Action == "receive" && o.App == service && o.Topic == topic {
			received = append(received, o.Types...)
		}
	}
	assert.ElementsMatch(t, slices.Compact(slices.Sorted(slices.Values(received))), types, "%s: types of topic %s that it handles", service, topic)
	assert.ElementsMatch(t, document.Topics[topic], slices.Concat(types, ignored), "%s: types of topic %s that it knows", service, topic)
}
