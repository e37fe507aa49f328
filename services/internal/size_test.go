package internal_test

import (
	"go/scanner"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// most is where growth has to be argued for.
const most = 1560

// What services share stays little: a line counts when there is code on it; tests and what serves only them do not.
func TestSharedCodeStaysSmall(t *testing.T) {
	total, largest := 0, map[string]int{}
	require.NoError(t, filepath.WalkDir(".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go") || strings.HasSuffix(filepath.Dir(name), "test") {
			return err
		}
		source, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		largest[name] = linesOfCode(source)
		total += largest[name]
		return nil
	}))
	require.NotZero(t, total)
	require.Less(t, total, most, "lines of code: %v", largest)
}

func linesOfCode(source []byte) int {
	files := token.NewFileSet()
	file := files.AddFile("", -1, len(source))
	var s scanner.Scanner
	s.Init(file, source, nil, 0)
	lines := map[int]bool{}
	for {
		at, kind, text := s.Scan()
		if kind == token.EOF {
			return len(lines)
		}
		if kind == token.SEMICOLON && text == "\n" {
			continue
		}
		first := file.Line(at)
		for n := range strings.Count(text, "\n") + 1 { // a raw string can have several
			lines[first+n] = true
		}
	}
}

func TestLinesOfCode(t *testing.T) {
	require.Equal(t, 3, linesOfCode([]byte("package p\n\n// A comment.\nvar x = 1 // and one\n/* two\nlines */\n\nvar y = x\n")))
	require.Equal(t, 3, linesOfCode([]byte("package p\nvar raw = `a\nb`\n")))
}
