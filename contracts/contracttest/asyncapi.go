package contracttest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
)

// AsyncAPI is what asyncapi.yaml says about who tells what to whom.
type AsyncAPI struct {
	// Topics and the event types that each may carry.
	Topics     map[string][]string
	Operations []Operation
}

// Operation is a service's sending or receiving of some types of a topic.
type Operation struct {
	App, Action, Topic string
	// PubSub is the component it goes through.
	PubSub string
	Types  []string
}

type reference struct {
	Ref string `yaml:"$ref"`
}

// name is the last part of a reference, where ~1 stands for a slash (RFC 6901).
func (r reference) name() string {
	return strings.ReplaceAll(r.Ref[strings.LastIndex(r.Ref, "/")+1:], "~1", "/")
}

// Async reads contracts/asyncapi.yaml.
func Async(t testing.TB) AsyncAPI {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(folder(t), "asyncapi.yaml"))
	require.NoError(t, err)
	var document struct {
		Channels map[string]struct {
			Address  string
			Messages map[string]reference
		}
		Operations map[string]struct {
			Action   string
			App      string `yaml:"x-app"`
			PubSub   string `yaml:"x-pubsub"`
			Channel  reference
			Messages []reference
		}
	}
	require.NoError(t, yaml.Unmarshal(raw, &document), "asyncapi.yaml")
	async := AsyncAPI{Topics: map[string][]string{}}
	for name, channel := range document.Channels {
		require.Equal(t, name, channel.Address, "asyncapi.yaml: a channel is named as its topic")
		for kind, message := range channel.Messages {
			require.Equal(t, kind, message.name(), "asyncapi.yaml: a message is named as its type")
			async.Topics[name] = append(async.Topics[name], kind)
		}
	}
	for name, o := range document.Operations {
		topic := o.Channel.name()
		require.Contains(t, async.Topics, topic, "asyncapi.yaml: operation %s", name)
		operation := Operation{App: o.App, Action: o.Action, Topic: topic, PubSub: o.PubSub}
		for _, message := range o.Messages {
			require.Contains(t, async.Topics[topic], message.name(), "asyncapi.yaml: operation %s", name)
			operation.Types = append(operation.Types, message.name())
		}
		async.Operations = append(async.Operations, operation)
	}
	return async
}
