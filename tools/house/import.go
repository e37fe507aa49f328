package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"
)

// importFrom writes the documents of a file into empty stores, or finishes an import that broke off. It
// writes nothing before the whole file has proved sound and free of conflict with what the stores have.
func importFrom(ctx context.Context, path string, stores []*store, stdout io.Writer) error {
	sections, err := compareAll(ctx, path, stores)
	if err != nil {
		return err
	}
	for _, c := range sections {
		if err := c.conflict(); err != nil {
			return fmt.Errorf("%w; nothing was written: import into empty stores, or finish the import of the same file", err)
		}
	}
	if err := createAll(ctx, path, stores, sections); err != nil {
		return fmt.Errorf("%w: run the import again, it goes on where it stopped", err)
	}
	if sections, err = compareAll(ctx, path, stores); err != nil {
		return err
	}
	for _, c := range sections {
		if !c.equal() {
			return fmt.Errorf("%s: %w while it is imported: stop whatever runs on it, empty it, then import again", c.found.Service, errChanged)
		}
	}
	return table(stdout, sections)
}

func (c comparison) conflict() error {
	switch {
	case c.different != "":
		return fmt.Errorf("%s has another document under %s than the file", c.found.Service, c.different)
	case c.extra != "":
		return fmt.Errorf("%s has a document that is not in the file, %s", c.found.Service, c.extra)
	}
	return nil
}

// createAll writes what was missing.
func createAll(ctx context.Context, path string, stores []*store, sections []comparison) error {
	return eachSection(path, stores, func(i int, s *store, file *reader) error {
		missing := sections[i].missing
		_, err := file.section(s.App, func(documents []document) error {
			now := time.Now()
			documents = slices.DeleteFunc(documents, func(d document) bool {
				if len(missing) == 0 || missing[0] != d.Key {
					return true
				}
				missing = missing[1:]
				return expired(d, now)
			})
			return s.create(ctx, documents)
		})
		return err
	})
}

// compareAll answers one comparison for each section of the file.
func compareAll(ctx context.Context, path string, stores []*store) ([]comparison, error) {
	var sections []comparison
	err := eachSection(path, stores, func(_ int, s *store, file *reader) error {
		c, err := s.compare(ctx, file, time.Now)
		sections = append(sections, c)
		return err
	})
	return sections, err
}

// eachSection goes through the file once; do has to read the section of its service.
func eachSection(path string, stores []*store, do func(i int, s *store, file *reader) error) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	file, err := newReader(f)
	if err != nil {
		return err
	}
	for i, service := range file.Services {
		at := slices.IndexFunc(stores, func(s *store) bool { return s.App == service })
		if at < 0 {
			return fmt.Errorf("the file has documents of %s, which has no store here: import with the Sidecart that exported it", service)
		}
		if err := do(i, stores[at], file); err != nil {
			return err
		}
	}
	return file.end()
}

// checkFile reads it all before anything is started.
func checkFile(path string) error {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("there is no file %s: name the one that `make export` wrote", path)
	}
	if err != nil {
		return err
	}
	defer f.Close()
	file, err := newReader(f)
	if err != nil {
		return err
	}
	for _, service := range file.Services {
		if _, err := file.section(service, func([]document) error { return nil }); err != nil {
			return err
		}
	}
	return file.end()
}
