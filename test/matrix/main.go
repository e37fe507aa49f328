//go:build conformance

// Command matrix proves on which pairs of engines the shop works. For each pair it runs the
// conformance suite, the end-to-end suite, and a load with the checker after it, and writes what
// came of it as a table in Markdown. It exits 1 when something failed, but goes on to the last pair.
//
//	go run ./test/matrix                             all pairs: an hour and more
//	go run ./test/matrix postgres/kafka              this pair anew; the others' lines stay as they were
//	go run ./test/matrix -stages load sqlite/redis   only a part of it
//
// Results are kept outside the checkout, in matrix/results.json of SIDECART_DATA or
// ~/.local/share/sidecart, beside the output of the suites.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/sidecart/sidecart/test/conformance"
	"github.com/sidecart/sidecart/test/stack"
	"github.com/sidecart/sidecart/test/stack/manifest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Getenv, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "matrix:", err)
		os.Exit(1)
	}
}

// The first pair is the one that the others' rates are compared with.
var (
	states  = []string{"redis", "postgres", "sqlite"}
	brokers = []string{"redis", "kafka", "rabbitmq"}
	stages  = []string{"conformance", "e2e", "load"}
)

// plan is what to do.
type plan struct {
	pairs  []stack.Engines
	stages []string
	orders int
	out    string // file for the table; empty is stdout
	data   string // folder for results and logs
	root   string
}

func parse(args []string, getenv func(string) string) (plan, error) {
	p := plan{data: filepath.Join(dataFolder(getenv), "matrix")}
	flags := flag.NewFlagSet("matrix", flag.ContinueOnError)
	chosen := flags.String("stages", strings.Join(stages, ","), "which of these to run")
	flags.IntVar(&p.orders, "orders", 500, "how many orders the load places")
	flags.StringVar(&p.out, "out", "", "file for the table; else it is printed")
	if err := flags.Parse(args); err != nil {
		return p, err
	}
	for stage := range strings.SplitSeq(*chosen, ",") {
		if !slices.Contains(stages, stage) {
			return p, fmt.Errorf("-stages: there is no stage %q; choose of %s", stage, strings.Join(stages, ","))
		}
		p.stages = append(p.stages, stage)
	}
	for _, name := range flags.Args() {
		state, broker, _ := strings.Cut(name, "/")
		if !slices.Contains(states, state) || !slices.Contains(brokers, broker) {
			return p, fmt.Errorf("there is no pair %q; choose of %s, a slash, and %s", name, strings.Join(states, ", "), strings.Join(brokers, ", "))
		}
		p.pairs = append(p.pairs, stack.Engines{State: state, PubSub: broker})
	}
	if len(p.pairs) == 0 {
		for _, state := range states {
			for _, broker := range brokers {
				p.pairs = append(p.pairs, stack.Engines{State: state, PubSub: broker})
			}
		}
	}
	m, err := manifest.Find(".")
	if err != nil {
		return p, err
	}
	p.root = m.Root
	return p, nil
}

func dataFolder(getenv func(string) string) string {
	if folder := getenv("SIDECART_DATA"); folder != "" {
		return folder
	}
	if folder := getenv("XDG_DATA_HOME"); folder != "" {
		return filepath.Join(folder, "sidecart")
	}
	return filepath.Join(getenv("HOME"), ".local", "share", "sidecart")
}

func run(ctx context.Context, args []string, getenv func(string) string, stdout io.Writer) error {
	p, err := parse(args, getenv)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(p.data, 0o755); err != nil {
		return err
	}
	kept, err := readResults(p.data)
	if err != nil {
		return err
	}
	t := trial{plan: p, progress: os.Stderr}
	var failed []string
	for _, pair := range p.pairs {
		result := kept[name(pair)]
		result.Versions = versions(ctx, p.root, pair)
		good := t.pair(ctx, pair, &result)
		if ctx.Err() != nil {
			return ctx.Err() // half a run says nothing
		}
		if !good {
			failed = append(failed, name(pair))
		}
		kept[name(pair)] = result
		if err := kept.write(p.data); err != nil {
			return err
		}
	}
	if err := publish(p.out, stdout, kept.table()+features(conformance.States, conformance.PubSubs)); err != nil {
		return err
	}
	if len(failed) > 0 {
		return errors.New("these pairs failed: " + strings.Join(failed, ", "))
	}
	return nil
}

func name(pair stack.Engines) string { return pair.State + "/" + pair.PubSub }

func publish(file string, stdout io.Writer, text string) error {
	if file == "" {
		_, err := io.WriteString(stdout, text)
		return err
	}
	return os.WriteFile(file, []byte(text), 0o644)
}
