//go:build conformance

package conformance

import (
	"flag"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sidecart/sidecart/test/stack"
)

func TestMain(m *testing.M) {
	if upstream := os.Getenv(relayTo); upstream != "" {
		fmt.Fprintln(os.Stderr, relay(os.Getenv(relayAt), upstream))
		os.Exit(1)
	}
	flag.Parse()
	// The tests of a group wait most of the time, whatever the number of cores.
	if err := flag.Set("test.parallel", "16"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// patience is the longest that anything may take that has no bound of its own.
const patience = time.Minute

// stateFeatures are those of the engine underneath.
func stateFeatures(t *testing.T) State {
	name := stack.FromEnv().State
	features, known := States[name]
	require.True(t, known, "features.go does not know the state engine %q", name)
	return features
}

// pubsubFeatures are those of the broker underneath.
func pubsubFeatures(t *testing.T) PubSub {
	name := stack.FromEnv().PubSub
	features, known := PubSubs[name]
	require.True(t, known, "features.go does not know the broker %q", name)
	return features
}

// measured hands a number on to whoever reads the test's output, such as test/matrix.
func measured(t *testing.T, what string, took time.Duration) {
	t.Helper()
	t.Attr(what, fmt.Sprintf("%.1fs", took.Seconds()))
}
