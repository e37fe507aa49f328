package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// exportTo writes what all services keep to a new file. It gets its name only when it is whole and
// was compared with the stores.
func exportTo(ctx context.Context, path string, stores []*store, stdout io.Writer) (err error) {
	part, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*.part") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(part.Name()) // in vain when it has got its name
	err = errors.Join(writeAll(ctx, part, stores), part.Sync(), part.Close())
	if err != nil {
		return err
	}
	sections, err := compareAll(ctx, part.Name(), stores)
	if err != nil {
		return err
	}
	for _, c := range sections {
		if !c.equal() {
			return fmt.Errorf("%s: %w while it is exported: stop whatever still runs on it, then export again", c.found.Service, errChanged)
		}
	}
	if err := os.Rename(part.Name(), path); err != nil {
		return err
	}
	return table(stdout, sections)
}

func writeAll(ctx context.Context, to io.Writer, stores []*store) error {
	services := make([]string, len(stores))
	for i, s := range stores {
		services[i] = s.App
	}
	file, err := newWriter(to, services, time.Now())
	if err != nil {
		return err
	}
	for _, s := range stores {
		if err := s.copyTo(ctx, file); err != nil {
			return err
		}
	}
	return file.close()
}

func (s *store) copyTo(ctx context.Context, file *writer) error {
	documents, err := s.keys(ctx)
	if err != nil {
		return err
	}
	for len(documents) > 0 {
		some := documents[:min(chunk, len(documents))]
		documents = documents[len(some):]
		values, err := s.values(ctx, some)
		if err != nil {
			return err
		}
		for _, d := range some {
			// One that was listed and is not there has expired; comparing shows if it has not.
			if value, ok := values[d.Key]; ok {
				d.Value = value
				if err := file.add(s.App, d); err != nil {
					return err
				}
			}
		}
	}
	return file.end(s.App)
}
