package local

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestEveryEngineIsChecked(t *testing.T) {
	t.Chdir("../../..")
	folders, err := filepath.Glob("components/*/*")
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(folders), 6)
	for _, folder := range append(folders, "components") {
		require.NoError(t, CheckResources(folder), folder)
	}
}

func TestASlipInAComponentIsFound(t *testing.T) {
	known := map[string][]string{"state.x": {"host", "poolSize"}}
	good := "kind: Component\nmetadata: {name: a}\nspec:\n  type: state.x\n  metadata:\n    - {name: host, value: 1}\n"
	require.NoError(t, checkComponents([]byte(good+"---\nkind: Subscription\nnonsense: 1\n---\n"+good), known))
	for text, complaint := range map[string]string{
		strings.Replace(good, "name: host", "name: hosst", 1):               `no field "hosst"`,
		strings.Replace(good, "name: host", "name: poolsize", 1):            "poolsize is written poolSize",
		strings.Replace(good, "value: 1", "valeu: 1", 1):                    `line 6: a component has no field "valeu"`,
		strings.Replace(good, "spec:", "spek:", 1):                          `line 3: a component has no field "spek"`,
		strings.Replace(good, "{name: a}", "{}", 1):                         "without metadata.name",
		good + "---\n" + strings.Replace(good, "  metadata:", "scopes:", 1): "cannot unmarshal",
		"kind: [": "yaml:",
	} {
		require.ErrorContains(t, checkComponents([]byte(text), known), complaint, text)
	}
	for _, other := range []string{"state.y", "pubsub.z"} {
		require.NoError(t, checkComponents([]byte(strings.Replace(good, "state.x", other, 1)+"    - {name: any, value: 1}\n"), known))
	}
}
