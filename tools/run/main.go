// Run is `make run`: it starts the services of dapr.yaml with their sidecars, waits until they
// are ready, loads the demo catalogue, and takes everything down again on Ctrl-C or SIGTERM.
// With -down it only takes down what an earlier run left behind.
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
	"strconv"
	"syscall"
	"time"

	"github.com/sidecart/sidecart/tools/internal/local"
)

const (
	startLimit = 120 * time.Second
	startGap   = 3 * time.Second
)

func main() {
	down := flag.Bool("down", false, "stop what an earlier run left behind")
	flag.Parse()
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	act := run
	if *down {
		act = takeDown
	}
	if err := act(ctx, os.Getenv, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "run:", err)
		os.Exit(1)
	}
}

// run returns nil when it was asked to stop, whenever that was.
func run(ctx context.Context, getenv func(string) string, stdout io.Writer) (err error) {
	defer func() {
		if ctx.Err() != nil && !errors.Is(err, errLeftover) {
			err = nil
		}
	}()
	began := startTime(getenv)
	root, err := filepath.Abs(".")
	if err != nil {
		return err
	}
	file, chosen, err := prepare(getenv)
	if err != nil {
		return err
	}
	tools, err := local.FindTools(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, chosen.Release()) }()
	if err := chosen.Up(ctx); err != nil {
		return err
	}
	path, err := file.With(chosen)
	if err != nil {
		return err
	}
	sys, err := start(root, path, file.Apps, chosen, tools)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, sys.stop(stdout)) }()
	fmt.Fprintf(stdout, "Starting %d services with their sidecars; state in %s, events over %s (log: %s/dapr.log)\n",
		len(file.Apps), chosen.State, chosen.PubSub, local.Folder)
	if err := sys.waitReady(ctx); err != nil {
		return err
	}
	if err := seed(ctx, sys, stdout); err != nil {
		return err
	}
	if err := welcome(stdout, sys, time.Since(began)); err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		return nil
	case <-sys.ended:
		return fmt.Errorf("dapr run ended by itself\n%s", local.Tail(filepath.Join(local.Folder, "dapr.log"), 15))
	}
}

// prepare finds out what to run, and whether it can.
func prepare(getenv func(string) string) (*local.RunFile, local.Engines, error) {
	file, err := local.ReadRunFile("dapr.yaml")
	if err != nil {
		return nil, local.Engines{}, err
	}
	chosen, err := local.ChooseEngines(getenv, file)
	if err != nil {
		return nil, chosen, err
	}
	for _, folder := range file.Resources(chosen) {
		if err := local.CheckResources(folder); err != nil {
			return nil, chosen, err
		}
	}
	return file, chosen, local.PortsFree(file.Apps)
}

// takeDown stops a run that is still there, then whatever lost its parent.
func takeDown(ctx context.Context, _ func(string) string, stdout io.Writer) error {
	if pid, err := readPID(filepath.Join(local.Folder, "run.pid")); err == nil && isRun(pid) {
		if err := syscall.Kill(pid, syscall.SIGTERM); err == nil {
			waitGone(ctx, []int{pid}, 40*time.Second)
		}
	}
	root, err := filepath.Abs(".")
	if err != nil {
		return err
	}
	err = (&system{root: root}).stop(stdout)
	return errors.Join(err, stopOrphans(root), local.EnginesDown())
}

// startTime is when make was asked, if it told: installing and building count.
func startTime(getenv func(string) string) time.Time {
	if s, err := strconv.ParseInt(getenv("RUN_STARTED"), 10, 64); err == nil {
		return time.Unix(s, 0)
	}
	return time.Now()
}
