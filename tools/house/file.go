package main

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"
	"time"
)

// The file is JSON Lines in gzip. A header:
//
//	{"format":"sidecart-export","version":1,"exportedAt":"2026-01-31T12:00:00Z","services":["cart",...]}
//
// then for each of these services its documents in the order of their keys, and a footer:
//
//	{"service":"cart","key":"cart-1","value":"<base64>","expires":1893456000}
//	{"service":"cart","documents":1,"sha256":"<hex>"}
//
// `expires` is a Unix time and absent where a document stays. What engine it came from is in none of it.
const (
	format  = "sidecart-export"
	version = 1
)

type header struct {
	Format     string    `json:"format"`
	Version    int       `json:"version"`
	ExportedAt time.Time `json:"exportedAt"`
	Services   []string  `json:"services"`
}

// document is one as the store has it, byte for byte.
type document struct {
	Key   string
	Value []byte
	// Expires is a Unix time; 0 for never.
	Expires int64
}

type documentLine struct {
	Service string `json:"service"`
	Key     string `json:"key"`
	Value   []byte `json:"value"`
	Expires int64  `json:"expires,omitempty"`
}

type footerLine struct {
	Service   string `json:"service"`
	Documents int    `json:"documents"`
	SHA256    string `json:"sha256"`
}

// tally counts documents and takes their checksum: SHA-256 over key and value of each in the order of
// keys, with the length (8 bytes, big-endian) before each of the two.
type tally struct {
	documents int
	sum       hash.Hash
}

func newTally() *tally { return &tally{sum: sha256.New()} }

func (t *tally) add(d document) {
	t.documents++
	for _, part := range [][]byte{[]byte(d.Key), d.Value} {
		t.sum.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part))))
		t.sum.Write(part)
	}
}

func (t *tally) footer(service string) footerLine {
	return footerLine{service, t.documents, hex.EncodeToString(t.sum.Sum(nil))}
}

type writer struct {
	zip   *gzip.Writer
	lines *json.Encoder
	tally *tally
}

func newWriter(to io.Writer, services []string, now time.Time) (*writer, error) {
	zip := gzip.NewWriter(to)
	w := &writer{zip: zip, lines: json.NewEncoder(zip), tally: newTally()}
	return w, w.lines.Encode(header{format, version, now.UTC().Truncate(time.Second), services})
}

// add takes the documents of a service in the order of their keys.
func (w *writer) add(service string, d document) error {
	w.tally.add(d)
	return w.lines.Encode(documentLine{service, d.Key, d.Value, d.Expires})
}

// end of a service.
func (w *writer) end(service string) error {
	err := w.lines.Encode(w.tally.footer(service))
	w.tally = newTally()
	return err
}

func (w *writer) close() error { return w.zip.Close() }

// reader believes nothing: what does not add up is an error.
type reader struct {
	header
	lines *json.Decoder
}

func newReader(from io.Reader) (*reader, error) {
	zip, err := gzip.NewReader(from)
	if err != nil {
		return nil, damaged(err)
	}
	r := &reader{lines: json.NewDecoder(zip)}
	if err := r.lines.Decode(&r.header); err != nil {
		return nil, damaged(err)
	}
	if r.Format != format {
		return nil, errors.New("this is no export of Sidecart: name the file that `make export` wrote")
	}
	if r.Version != version {
		return nil, fmt.Errorf("the file has version %d, this program reads version %d: import with the Sidecart that exported it, or export anew", r.Version, version)
	}
	if !slices.IsSorted(r.Services) || len(slices.Compact(slices.Clone(r.Services))) != len(r.Services) {
		return nil, damaged(errors.New("its services are out of order"))
	}
	r.lines.DisallowUnknownFields()
	return r, nil
}

// section hands over the documents of the next service, so many at a time, and checks them against the footer.
func (r *reader) section(service string, do func([]document) error) (footerLine, error) {
	sum, some, last := newTally(), []document(nil), ""
	for {
		var line json.RawMessage
		if err := r.lines.Decode(&line); err != nil {
			return footerLine{}, damaged(err)
		}
		var footer footerLine
		if strict(line, &footer) == nil {
			if footer != sum.footer(service) {
				return footer, damaged(fmt.Errorf("count or checksum of %s is wrong", service))
			}
			return footer, do(some)
		}
		var d documentLine
		if err := strict(line, &d); err != nil {
			return footer, damaged(err)
		}
		if d.Service != service || d.Key <= last {
			return footer, damaged(fmt.Errorf("a document of %s is out of order", d.Service))
		}
		last = d.Key
		document := document{d.Key, d.Value, d.Expires}
		sum.add(document)
		if some = append(some, document); len(some) == chunk {
			if err := do(some); err != nil {
				return footer, err
			}
			some = nil
		}
	}
}

// end makes sure that nothing follows, also of the checksum of gzip itself.
func (r *reader) end() error {
	if _, err := r.lines.Token(); !errors.Is(err, io.EOF) {
		return damaged(errors.New("something follows its end"))
	}
	return nil
}

func strict(line []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(line))
	decoder.DisallowUnknownFields()
	return decoder.Decode(into)
}

func damaged(cause error) error {
	return fmt.Errorf("the file is damaged or cut short (%w): take another copy, or export again", cause)
}
