//go:build conformance

package main

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// Tally is what became of a suite's tests. A test with parts counts by its parts.
type Tally struct {
	Passed int      `json:"passed"`
	Failed []string `json:"failed,omitempty"`
}

// count reads the output of `go test -json`: the tests, and the attributes that they set.
func count(output []byte) (*Tally, map[string]string) {
	type outcome struct{ pkg, test string }
	ended := map[outcome]string{}
	measured := map[string]string{}
	for line := range bytes.Lines(output) {
		var e struct{ Action, Package, Test, Key, Value string }
		if json.Unmarshal(line, &e) != nil {
			continue // what the compiler has to say
		}
		switch e.Action {
		case "attr":
			measured[e.Key] = e.Value
		case "run":
			ended[outcome{e.Package, e.Test}] = "fail" // until it has ended
		case "pass", "fail", "skip":
			ended[outcome{e.Package, e.Test}] = e.Action
		}
	}
	failing := map[string]bool{} // packages of which a test failed
	parents := map[outcome]bool{}
	for o := range ended {
		for at, slash := range o.test {
			if slash == '/' {
				parents[outcome{o.pkg, o.test[:at]}] = true
			}
		}
	}
	tally := &Tally{}
	var failed []string
	for o, action := range ended {
		switch {
		case o.test == "" || action == "skip":
		case action == "fail":
			failing[o.pkg] = true
			failed = append(failed, o.test)
		case !parents[o]:
			tally.Passed++
		}
	}
	for o, action := range ended {
		if o.test == "" && action == "fail" && !failing[o.pkg] {
			failed = append(failed, o.pkg) // it did not compile, or its TestMain failed
		}
	}
	tally.Failed = leaves(failed)
	if len(measured) == 0 {
		measured = nil
	}
	return tally, measured
}

// leaves leaves out the tests that failed because a part of them did.
func leaves(failed []string) []string {
	all := map[string]bool{}
	for _, name := range failed {
		all[name] = true
	}
	for _, name := range failed {
		for at := strings.LastIndexByte(name, '/'); at > 0; at = strings.LastIndexByte(name[:at], '/') {
			delete(all, name[:at])
		}
	}
	return slices.Sorted(maps.Keys(all))
}
