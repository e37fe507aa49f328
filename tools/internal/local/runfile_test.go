package local

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

const aRunFile = `version: 1
common:
  resourcesPaths: [components, components/state/a, components/pubsub/b] # which
  configFilePath: components/configuration.yaml
  schedulerHostAddress: " "
apps:
  - {appID: gateway, appDirPath: services/gateway, appPort: 8080}
`

func inCheckout(t *testing.T) *RunFile {
	t.Chdir(t.TempDir())
	for _, folder := range []string{"components/state/a", "components/state/c", "components/pubsub/b"} {
		require.NoError(t, os.MkdirAll(folder, 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(folder, "x.yaml"), nil, 0o600))
	}
	require.NoError(t, os.Mkdir(Folder, 0o700))
	require.NoError(t, os.WriteFile("dapr.yaml", []byte(aRunFile), 0o600))
	f, err := ReadRunFile("dapr.yaml")
	require.NoError(t, err)
	return f
}

func env(values map[string]string) func(string) string {
	return func(name string) string { return values[name] }
}

func TestChooseEngines(t *testing.T) {
	f := inCheckout(t)
	e, err := ChooseEngines(env(nil), f)
	require.NoError(t, err)
	require.Equal(t, Engines{"a", "b"}, e)
	e, err = ChooseEngines(env(map[string]string{"STATE": "c"}), f)
	require.NoError(t, err)
	require.Equal(t, Engines{"c", "b"}, e)
	_, err = ChooseEngines(env(map[string]string{"STATE": "b"}), f)
	require.EqualError(t, err, "STATE=b is no engine that Sidecart knows: choose one of a, c")
	_, err = ChooseEngines(env(map[string]string{"PUBSUB": "../state/a"}), f)
	require.ErrorContains(t, err, "choose one of b")
}

func TestTheRunFileIsDaprYAMLUnlessTheEnginesDiffer(t *testing.T) {
	f := inCheckout(t)
	path, err := f.With(Engines{"a", "b"})
	require.NoError(t, err)
	require.Equal(t, "dapr.yaml", path)
	path, err = f.With(Engines{"c", "b"})
	require.NoError(t, err)
	require.Equal(t, filepath.Join(Folder, "dapr.yaml"), path)
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.YAMLEq(t, `{version: 1, common: {resourcesPaths: [../components, ../components/state/c, ../components/pubsub/b],
  configFilePath: ../components/configuration.yaml, schedulerHostAddress: " "},
  apps: [{appID: gateway, appDirPath: ../services/gateway, appPort: 8080}]}`, string(text))
}
