package manifest

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFindReadsTheRealFileFromBelow(t *testing.T) {
	m, err := Find(".")
	require.NoError(t, err)
	gateway, err := m.App("gateway")
	require.NoError(t, err)
	require.Equal(t, gateway.Port+10000, gateway.Shift(10000).Port)
	require.NotEqual(t, gateway.Ports(), gateway.Shift(1).Ports())
	require.NotEmpty(t, m.Common.ResourcesPaths)
	_, err = m.App("nobody")
	require.Error(t, err)
}

func TestLoadRefuses(t *testing.T) {
	const app = "apps: [{appID: a, appDirPath: a, command: [a], appPort: 1, daprHTTPPort: 2, daprGRPCPort: 3, daprInternalGRPCPort: 4, metricsPort: 5}"
	for name, text := range map[string]string{
		"an unknown field":       "version: 1\ncolour: red\n" + app + "]",
		"no apps":                "version: 1",
		"a port that is not set": "version: 1\napps: [{appID: a, appPort: 1}]",
		"a port used twice":      "version: 1\n" + app + ", {appID: b, appPort: 9, daprHTTPPort: 8, daprGRPCPort: 7, daprInternalGRPCPort: 6, metricsPort: 1}]",
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "dapr.yaml")
			require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
			_, err := Load(path)
			require.Error(t, err)
		})
	}
}
