// House is `make export` and `make import`: it carries what all services keep from one engine to
// another while the shop is stopped. It knows no engine, only sidecars, one for each service, and
// the engine's script, which lists the keys.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"text/tabwriter"

	"github.com/sidecart/sidecart/tools/internal/local"
)

func main() {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	if err := run(ctx, os.Args[1:], os.Getenv, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "house:", err)
		os.Exit(1)
	}
}

// run wants the root of the checkout as working folder.
func run(ctx context.Context, args []string, getenv func(string) string, stdout io.Writer) error {
	if len(args) != 2 || args[1] == "" || args[0] != "export" && args[0] != "import" {
		return errors.New("say which file: make export FILE=shop.export, make import FILE=shop.export")
	}
	act, path := importFrom, args[1]
	if args[0] == "export" {
		act = exportTo
		if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("%s exists already: name another file", path)
		}
	} else if err := checkFile(path); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return withStores(ctx, getenv, func(engine string, stores []*store) error {
		if err := act(ctx, path, stores, stdout); err != nil {
			return err
		}
		_, err := fmt.Fprintf(stdout, "%s of %s done, state in %s\n", args[0], path, engine)
		return err
	})
}

// withStores lends a store for each service that has one.
func withStores(ctx context.Context, getenv func(string) string, do func(engine string, stores []*store) error) (err error) {
	file, err := local.ReadRunFile("dapr.yaml")
	if err != nil {
		return err
	}
	chosen, err := local.ChooseState(getenv, file)
	if err != nil {
		return err
	}
	for _, folder := range file.Resources(chosen) {
		if err := local.CheckResources(folder); err != nil {
			return err
		}
	}
	// The shop is stopped; and while the sidecars have their ports, it stays so.
	if err := local.PortsFree(file.Apps); err != nil {
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
	keepers, sidecars, err := start(file, chosen, tools["DAPRD"])
	defer stop(sidecars)
	if err != nil {
		return err
	}
	var stores []*store
	for i, s := range sidecars {
		if err := s.waitReady(ctx); err != nil {
			return err
		}
		store, hangUp, err := newStore(keepers[i], s.app.GRPC, chosen.Keys)
		if err != nil {
			return err
		}
		defer hangUp()
		stores = append(stores, store)
	}
	return do(chosen.State, stores)
}

// start answers also with an error what it has started.
func start(file *local.RunFile, chosen local.Engines, daprd string) ([]local.Store, []*sidecar, error) {
	keepers, err := local.Stores(file.StateFolder(chosen))
	if err != nil {
		return nil, nil, err
	}
	config, err := filepath.Abs(file.Common.ConfigFilePath)
	if err != nil {
		return nil, nil, err
	}
	resources := file.Resources(chosen)
	for i, folder := range resources {
		if resources[i], err = filepath.Abs(folder); err != nil {
			return nil, nil, err
		}
	}
	var sidecars []*sidecar
	for _, keeper := range keepers {
		app, err := file.App(keeper.App)
		if err != nil {
			return nil, sidecars, err
		}
		s, err := startSidecar(app, daprd, config, resources)
		if err != nil {
			return nil, sidecars, err
		}
		s.explain = chosen.Explain
		sidecars = append(sidecars, s)
	}
	return keepers, sidecars, nil
}

func stop(sidecars []*sidecar) {
	var stopping sync.WaitGroup
	for _, s := range sidecars {
		stopping.Go(s.stop)
	}
	stopping.Wait()
}

func table(to io.Writer, sections []comparison) error {
	out := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	fmt.Fprintln(out, "service\tdocuments\tof these expire\tsha256")
	for _, c := range sections {
		fmt.Fprintf(out, "%s\t%d\t%d\t%s\n", c.found.Service, c.found.Documents, c.expiring, c.found.SHA256)
	}
	return out.Flush()
}
