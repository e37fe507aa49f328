package main

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"time"

	"github.com/sidecart/sidecart/test/audit/internal/books"
)

// watch says when the shop has come to rest.
type watch struct {
	read func(context.Context) (books.Books, error)
	// every so often the books are read; at rest they have not changed for quiet.
	every, quiet time.Duration
	// wait is how long the shop may take. It ends earlier only when the books agree: some repairs are
	// due only after a while (a hold that is let go of, a capture that is made up for), and until then
	// a shop that looks still has not come to rest.
	wait time.Duration
}

// verdict is the last report, and whether it is about books at rest.
type verdict struct {
	books.Report
	atRest bool
	took   time.Duration
}

func (w watch) verdict(ctx context.Context) (verdict, error) {
	start := time.Now()
	ctx, cancel := context.WithTimeout(ctx, w.wait+w.quiet+30*time.Second)
	defer cancel()
	var last [sha256.Size]byte
	var since time.Time
	for {
		read := time.Now()
		b, err := w.read(ctx)
		late := time.Since(start) >= w.wait
		switch {
		case err != nil && (late || ctx.Err() != nil):
			return verdict{}, fmt.Errorf("the books cannot be read: %w", err)
		case err == nil:
			now, err := fingerprint(b)
			if err != nil {
				return verdict{}, err
			}
			if now != last || since.IsZero() {
				last, since = now, read
			}
			v := verdict{Report: books.Check(b), took: time.Since(start)}
			v.atRest = v.Open == 0 && read.Sub(since) >= w.quiet
			if late || v.atRest && len(v.Findings) == 0 {
				return v, nil
			}
		default:
			since = time.Time{}
		}
		select {
		case <-ctx.Done():
			return verdict{}, ctx.Err()
		case <-time.After(w.every):
		}
	}
}

func fingerprint(b books.Books) ([sha256.Size]byte, error) {
	text, err := json.Marshal(b)
	return sha256.Sum256(text), err
}
