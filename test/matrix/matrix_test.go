//go:build conformance

package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sidecart/sidecart/test/conformance"
	"github.com/sidecart/sidecart/test/stack"
)

func none(string) string { return "" }

func TestParse(t *testing.T) {
	p, err := parse(nil, none)
	require.NoError(t, err)
	require.Len(t, p.pairs, 9)
	require.Equal(t, stack.Engines{State: "redis", PubSub: "redis"}, p.pairs[0], "what the others are compared with comes first")
	require.Equal(t, stages, p.stages)
	p, err = parse([]string{"-stages", "load,e2e", "sqlite/redis"}, func(name string) string { return map[string]string{"SIDECART_DATA": "/data"}[name] })
	require.NoError(t, err)
	require.Equal(t, []stack.Engines{{State: "sqlite", PubSub: "redis"}}, p.pairs)
	require.Equal(t, []string{"load", "e2e"}, p.stages)
	require.Equal(t, "/data/matrix", p.data)
	for _, args := range [][]string{{"-stages", "nonsense"}, {"redis"}, {"oracle/redis"}, {"redis/sqlite"}, {"-nonsense"}} {
		_, err := parse(args, none)
		require.Error(t, err, args)
	}
}

func TestEveryPairHasFeatures(t *testing.T) {
	for _, name := range states {
		require.Contains(t, conformance.States, name)
		require.Contains(t, engines, name)
	}
	for _, name := range brokers {
		require.Contains(t, conformance.PubSubs, name)
		require.Contains(t, engines, name)
	}
}

func TestCount(t *testing.T) {
	tally, measured := count([]byte(`# a compiler's word
{"Action":"start","Package":"p"}
{"Action":"run","Package":"p","Test":"TestA"}
{"Action":"run","Package":"p","Test":"TestA/one"}
{"Action":"attr","Package":"p","Test":"TestA/one","Key":"takeover","Value":"1.5s"}
{"Action":"pass","Package":"p","Test":"TestA/one"}
{"Action":"run","Package":"p","Test":"TestA/two/half"}
{"Action":"fail","Package":"p","Test":"TestA/two/half"}
{"Action":"fail","Package":"p","Test":"TestA/two"}
{"Action":"fail","Package":"p","Test":"TestA"}
{"Action":"run","Package":"p","Test":"TestB"}
{"Action":"pass","Package":"p","Test":"TestB"}
{"Action":"run","Package":"p","Test":"TestNeverEnded"}
{"Action":"fail","Package":"p"}
{"Action":"pass","Package":"q"}
{"Action":"fail","Package":"broken"}
`))
	require.Equal(t, &Tally{Passed: 2, Failed: []string{"TestA/two/half", "TestNeverEnded", "broken"}}, tally)
	require.Equal(t, map[string]string{"takeover": "1.5s"}, measured)
}

func TestFinalRate(t *testing.T) {
	rate, err := finalRate("500 orders, 16 at a time\naccepted      500 orders     900.1/s  p50\nfinal         500 orders     312.5/s  p50 2s\n")
	require.NoError(t, err)
	require.InDelta(t, 312.5, rate, 0)
	_, err = finalRate("load: nothing works")
	require.Error(t, err)
}

// A pair that is run anew leaves what is known of the others.
func TestResultsAreMerged(t *testing.T) {
	folder := t.TempDir()
	kept, err := readResults(folder)
	require.NoError(t, err)
	require.Empty(t, kept)
	at := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	kept["redis/redis"] = Result{At: at, Versions: "Redis 7", Conformance: &Tally{Passed: 20}, EndToEnd: &Tally{Passed: 9, Failed: []string{"TestX"}},
		Measured: map[string]string{"app-recovery": "1.0s", "takeover": "15.4s"}, Audit: "clean", Rate: 300, BaseRate: 300}
	require.NoError(t, kept.write(folder))
	kept, err = readResults(folder)
	require.NoError(t, err)
	kept["sqlite/kafka"] = Result{At: at, Versions: "SQLite, Kafka 4", Rate: 150, BaseRate: 300, Audit: "clean"}
	require.NoError(t, kept.write(folder))
	kept, err = readResults(folder)
	require.NoError(t, err)
	table := kept.table()
	require.Contains(t, table, "| redis / redis | Redis 7 | all 20 passed | **1 of 10 failed** | clean | 1.00 × | 1.0s, –, 15.4s | 2030-01-02 |\n")
	require.Contains(t, table, "| sqlite / kafka | SQLite, Kafka 4 | – | – | clean | 0.50 × | –, –, – | 2030-01-02 |\n")
	require.NoError(t, os.WriteFile(filepath.Join(folder, "results.json"), []byte("{"), 0o600))
	_, err = readResults(folder)
	require.Error(t, err)
}

func TestTheTableGoesWhereItShould(t *testing.T) {
	var out bytes.Buffer
	text := features(conformance.States, conformance.PubSubs)
	require.NoError(t, publish("", &out, text))
	require.Equal(t, text, out.String())
	file := filepath.Join(t.TempDir(), "engines.md")
	require.NoError(t, publish(file, &out, text))
	written, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, text, string(written))
}
