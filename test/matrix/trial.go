//go:build conformance

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sidecart/sidecart/test/stack"
)

// trial runs the stages.
type trial struct {
	plan
	progress io.Writer
	base     float64 // the first pair's rate in this run; 0 until it is measured
}

// suites are the packages of the stages that are tests.
var suites = map[string][]string{
	"conformance": {"./test/conformance", "./services/internal/conformance"},
	"e2e":         {"./test/e2e"},
}

// pair runs the chosen stages of one pair and tells whether all were good.
func (t *trial) pair(ctx context.Context, pair stack.Engines, r *Result) (good bool) {
	good = true
	for _, stage := range t.stages {
		start := time.Now()
		fmt.Fprintf(t.progress, "%-18s %-12s ", name(pair), stage)
		err := t.stage(ctx, stage, pair, r)
		if err != nil {
			good = false
			fmt.Fprintf(t.progress, "%4.0f s  FAILED: %s\n", time.Since(start).Seconds(), err)
			continue
		}
		fmt.Fprintf(t.progress, "%4.0f s  %s\n", time.Since(start).Seconds(), r.summary(stage))
	}
	return good
}

func (t *trial) stage(ctx context.Context, stage string, pair stack.Engines, r *Result) error {
	r.At = time.Now().UTC().Truncate(time.Second)
	switch stage {
	case "conformance":
		tally, measured, err := t.suite(ctx, stage, pair)
		r.Conformance, r.Measured = tally, measured
		return err
	case "e2e":
		tally, _, err := t.suite(ctx, stage, pair)
		r.EndToEnd = tally
		return err
	}
	r.Rate, r.BaseRate, r.Audit = 0, 0, "failed"
	if err := t.measureBase(ctx, pair); err != nil {
		return err
	}
	rate, err := t.load(ctx, pair)
	if err != nil {
		return err
	}
	if name(pair) == states[0]+"/"+brokers[0] {
		t.base = rate
	}
	r.Rate, r.BaseRate, r.Audit = rate, t.base, "clean"
	return nil
}

// suite runs the tests of a stage.
func (t *trial) suite(ctx context.Context, stage string, pair stack.Engines) (*Tally, map[string]string, error) {
	path := filepath.Join(t.data, pair.State+"-"+pair.PubSub+"-"+stage+".json")
	log, err := os.Create(path)
	if err != nil {
		return nil, nil, err
	}
	defer log.Close()
	cmd := exec.CommandContext(ctx, "go", append([]string{"test", "-json", "-race", "-count=1", "-p=1", "-timeout=20m"}, suites[stage]...)...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = t.root, log, log
	cmd.Env = append(os.Environ(), "STATE="+pair.State, "PUBSUB="+pair.PubSub)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = time.Minute
	ended := cmd.Run()
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, err
	}
	tally, measured := count(text)
	var exit *exec.ExitError
	if ended != nil && !errors.As(ended, &exit) {
		return tally, measured, ended
	}
	if ended != nil && len(tally.Failed) == 0 {
		return tally, measured, fmt.Errorf("go test: %w, see %s", ended, path)
	}
	if len(tally.Failed) > 0 {
		return tally, measured, fmt.Errorf("%s; see %s", strings.Join(tally.Failed, ", "), path)
	}
	return tally, measured, nil
}

// measureBase has the rate that others are compared with measured in the same run.
func (t *trial) measureBase(ctx context.Context, next stack.Engines) (err error) {
	base := stack.Engines{State: states[0], PubSub: brokers[0]}
	if t.base == 0 && next != base {
		if t.base, err = t.load(ctx, base); err != nil {
			err = fmt.Errorf("%s, to compare with: %w", name(base), err)
		}
	}
	return err
}

// load places orders in a shop of its own and has the checker look at it; it answers orders per second.
func (t *trial) load(ctx context.Context, pair stack.Engines) (rate float64, err error) {
	s, err := stack.Launch(ctx, stack.Options{Engines: pair})
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, s.Stop()) }()
	if out, err := s.Program(ctx, "seed"); err != nil {
		return 0, fmt.Errorf("%w: %s", err, out)
	}
	// The first orders only warm up what is cold: connections, caches, lists of what is known.
	for _, orders := range []int{min(100, t.orders), t.orders} {
		out, err := s.Program(ctx, "load", "-orders", strconv.Itoa(orders), "-wait", "3m")
		if err != nil {
			return 0, fmt.Errorf("%w: %s", err, out)
		}
		if rate, err = finalRate(out); err != nil {
			return 0, err
		}
	}
	out, err := s.Program(ctx, "audit", "-wait", "3m")
	if err != nil {
		return 0, fmt.Errorf("%w: %s", err, out)
	}
	return rate, nil
}

var final = regexp.MustCompile(`(?m)^final\s+\d+ orders\s+([0-9.]+)/s`)

// finalRate finds in load's report how many orders became final per second.
func finalRate(report string) (float64, error) {
	found := final.FindStringSubmatch(report)
	if found == nil {
		return 0, fmt.Errorf("the load's report names no rate: %s", report)
	}
	return strconv.ParseFloat(found[1], 64)
}

// versions of both engines, as far as they can be told.
func versions(ctx context.Context, root string, pair stack.Engines) string {
	names := slices.Compact([]string{pair.State, pair.PubSub})
	for i, engine := range names {
		names[i] = version(ctx, root, engine)
	}
	return strings.Join(names, ", ")
}
