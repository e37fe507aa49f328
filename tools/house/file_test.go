package main

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// section of a file in a test.
type section struct {
	service   string
	documents []document
}

func written(t require.TestingT, sections ...section) []byte {
	var services []string
	for _, s := range sections {
		services = append(services, s.service)
	}
	var out bytes.Buffer
	w, err := newWriter(&out, services, time.Unix(1_800_000_000, 0))
	require.NoError(t, err)
	for _, s := range sections {
		for _, d := range s.documents {
			require.NoError(t, w.add(s.service, d))
		}
		require.NoError(t, w.end(s.service))
	}
	require.NoError(t, w.close())
	return out.Bytes()
}

func unzip(t *testing.T, file []byte) string {
	t.Helper()
	zip, err := gzip.NewReader(bytes.NewReader(file))
	require.NoError(t, err)
	text, err := io.ReadAll(zip)
	require.NoError(t, err)
	return string(text)
}

func zip(t *testing.T, text string) []byte {
	t.Helper()
	var out bytes.Buffer
	zip := gzip.NewWriter(&out)
	_, err := io.WriteString(zip, text)
	require.NoError(t, err)
	require.NoError(t, zip.Close())
	return out.Bytes()
}

// readAll is what a file holds, by service.
func readAll(file []byte) (map[string][]document, error) {
	r, err := newReader(bytes.NewReader(file))
	if err != nil {
		return nil, err
	}
	all := map[string][]document{}
	for _, service := range r.Services {
		if _, err := r.section(service, func(some []document) error {
			all[service] = append(all[service], some...)
			return nil
		}); err != nil {
			return nil, err
		}
	}
	return all, r.end()
}

func check(t *testing.T, file []byte) error {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(path, file, 0o600))
	return checkFile(path)
}

var example = []section{
	{"cart", nil},
	{"user", []document{{Key: "a", Value: []byte(`{"x":1}`)}, {Key: "b", Value: []byte("\x00\xff"), Expires: 1_900_000_000}}},
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.MapOfN(rapid.StringN(1, -1, -1), rapid.SliceOf(rapid.Byte()), 0, 3*chunk).Draw(t, "documents")
		var documents []document
		for _, key := range sortedKeys(values) {
			documents = append(documents, document{Key: key, Value: values[key], Expires: rapid.Int64Range(0, 1<<40).Draw(t, "expires")})
		}
		read, err := readAll(written(t, section{"cart", documents}, section{"user", nil}))
		require.NoError(t, err)
		require.Empty(t, read["user"])
		require.Len(t, read["cart"], len(documents))
		for i, d := range read["cart"] {
			require.Equal(t, documents[i].Key, d.Key)
			require.Equal(t, documents[i].Expires, d.Expires)
			require.True(t, bytes.Equal(documents[i].Value, d.Value))
		}
	})
}

// The format, spelt out: a file of today has to be readable by every later program of version 1.
func TestTheFileIsAsDocumented(t *testing.T) {
	require.Equal(t, `{"format":"sidecart-export","version":1,"exportedAt":"2027-01-15T08:00:00Z","services":["cart","user"]}
{"service":"cart","documents":0,"sha256":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}
{"service":"user","key":"a","value":"eyJ4IjoxfQ=="}
{"service":"user","key":"b","value":"AP8=","expires":1900000000}
{"service":"user","documents":2,"sha256":"c90df82af8255b202cd858aaa12bdb7fadccb1e0f6b129cd89e28fcd2d4d0607"}
`, unzip(t, written(t, example...)))
}

func TestNoPartOfAFileIsTakenForTheWhole(t *testing.T) {
	whole := written(t, example...)
	require.NoError(t, check(t, whole))
	for n := range whole {
		require.Error(t, check(t, whole[:n]), n)
	}
	lines := strings.SplitAfter(unzip(t, whole), "\n")
	for n := range lines[:len(lines)-1] {
		require.ErrorContains(t, check(t, zip(t, strings.Join(lines[:n], ""))), "damaged or cut short", n)
		without := strings.Join(lines[:n], "") + strings.Join(lines[n+1:], "")
		require.Error(t, check(t, zip(t, without)), "without line %d", n)
		twice := strings.Join(lines[:n+1], "") + strings.Join(lines[n:], "")
		require.ErrorContains(t, check(t, zip(t, twice)), "damaged or cut short", "line %d twice", n)
	}
}

func TestADamagedFileIsRefused(t *testing.T) {
	text := unzip(t, written(t, example...))
	for name, c := range map[string]struct{ old, new, complaint string }{
		"another value":      {"eyJ4IjoxfQ==", "eyJ4IjoyfQ==", "checksum of user is wrong"},
		"another key":        {`"key":"b"`, `"key":"c"`, "checksum of user is wrong"},
		"another checksum":   {"e3b0c442", "e3b0c443", "checksum of cart is wrong"},
		"another count":      {`"documents":2`, `"documents":3`, "count or checksum of user is wrong"},
		"another order":      {`"key":"a"`, `"key":"z"`, "out of order"},
		"another service":    {`{"service":"user","key":"b"`, `{"service":"cart","key":"b"`, "out of order"},
		"no base64":          {"AP8=", "#", "damaged"},
		"an unknown field":   {`"key":"b"`, `"key":"b","colour":"red"`, "damaged"},
		"a service more":     {`["cart","user"]`, `["cart","user","zoo"]`, "damaged"},
		"a service less":     {`["cart","user"]`, `["cart"]`, "something follows"},
		"services in a mess": {`["cart","user"]`, `["user","cart"]`, "out of order"},
		"another version":    {`"version":1`, `"version":2`, "version 2, this program reads version 1"},
		"another format":     {"sidecart-export", "something-else", "no export of Sidecart"},
	} {
		t.Run(name, func(t *testing.T) {
			require.Contains(t, text, c.old)
			require.ErrorContains(t, check(t, zip(t, strings.Replace(text, c.old, c.new, 1))), c.complaint)
		})
	}
	require.ErrorContains(t, check(t, []byte("no gzip")), "damaged")
	bits := written(t, example...)
	bits[len(bits)-5] ^= 1 // the checksum that gzip itself puts at the end
	require.ErrorContains(t, check(t, bits), "damaged")
	require.ErrorContains(t, checkFile(filepath.Join(t.TempDir(), "none")), "there is no file")
}
