//go:build conformance

package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/sidecart/sidecart/test/conformance"
)

// Result is what is known of a pair; a stage that was not run is nil or zero.
type Result struct {
	At          time.Time         `json:"at"`
	Versions    string            `json:"versions"`
	Conformance *Tally            `json:"conformance,omitempty"`
	Measured    map[string]string `json:"measured,omitempty"` // by the conformance suite
	EndToEnd    *Tally            `json:"endToEnd,omitempty"`
	Audit       string            `json:"audit,omitempty"`
	// Orders per second, and those of the first pair in the same run.
	Rate     float64 `json:"rate,omitempty"`
	BaseRate float64 `json:"baseRate,omitempty"`
}

// results by the name of the pair.
type results map[string]Result

func readResults(folder string) (results, error) {
	text, err := os.ReadFile(filepath.Join(folder, "results.json"))
	if errors.Is(err, os.ErrNotExist) {
		return results{}, nil
	}
	if err != nil {
		return nil, err
	}
	kept := results{}
	return kept, json.Unmarshal(text, &kept)
}

func (r results) write(folder string) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	path := filepath.Join(folder, "results.json")
	if err := os.WriteFile(path+".new", append(text, '\n'), 0o644); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

func (r Result) summary(stage string) string {
	switch stage {
	case "conformance":
		return r.Conformance.String()
	case "e2e":
		return r.EndToEnd.String()
	}
	return fmt.Sprintf("%.0f checkouts/s, %s", r.Rate, r.relative())
}

func (t *Tally) String() string {
	switch {
	case t == nil:
		return "–"
	case len(t.Failed) > 0:
		return fmt.Sprintf("**%d of %d failed**", len(t.Failed), t.Passed+len(t.Failed))
	}
	return fmt.Sprintf("all %d passed", t.Passed)
}

func (r Result) relative() string {
	if r.BaseRate == 0 {
		return "–"
	}
	return fmt.Sprintf("%.2f ×", r.Rate/r.BaseRate)
}

// table is what is known of all pairs, in Markdown.
func (r results) table() string {
	var out strings.Builder
	out.WriteString("| state / pub/sub | engines | conformance | end to end | checker after load | checkouts/s, relative | recovery after kill -9 of app, sidecar, replica | run |\n")
	out.WriteString("|---|---|---|---|---|---|---|---|\n")
	for _, state := range states {
		for _, broker := range brokers {
			line, known := r[state+"/"+broker]
			if !known {
				continue
			}
			var recovery []string
			for _, what := range []string{"app-recovery", "sidecar-recovery", "takeover"} {
				recovery = append(recovery, cmp.Or(line.Measured[what], "–"))
			}
			fmt.Fprintf(&out, "| %s / %s | %s | %s | %s | %s | %s | %s | %s |\n", state, broker, line.Versions, line.Conformance, line.EndToEnd,
				cmp.Or(line.Audit, "–"), line.relative(), strings.Join(recovery, ", "), line.At.Format(time.DateOnly))
		}
	}
	return out.String()
}

// features is what the conformance suite holds the engines to, in Markdown.
func features(of map[string]conformance.State, on map[string]conformance.PubSub) string {
	var out strings.Builder
	row := func(what string, names []string, is func(name string) string) {
		out.WriteString("| " + what)
		for _, name := range names {
			out.WriteString(" | " + is(name))
		}
		out.WriteString(" |\n")
	}
	yes := func(is func(name string) bool) func(string) string {
		return func(name string) string { return map[bool]string{true: "yes", false: "no"}[is(name)] }
	}
	heading := func(what string, names []string) {
		fmt.Fprintf(&out, "\n| %s | %s |\n|---|%s\n", what, strings.Join(names, " | "), strings.Repeat("---|", len(names)))
	}
	heading("state", states)
	row("a second create is refused with", states, func(n string) string { return fmt.Sprint(of[n].Refusal) })
	row("a write with the ETag of a deleted document makes it again", states, yes(func(n string) bool { return of[n].Resurrects }))
	row("a document that is made again has its old ETags", states, yes(func(n string) bool { return of[n].ReusesETags }))
	row("a delete with an ETag of what is not there is refused", states, yes(func(n string) bool { return of[n].RefusesDeleteOfAbsent }))
	row("a write without a TTL leaves an earlier one in force", states, yes(func(n string) bool { return of[n].KeepsExpiry }))
	row("a document can end early by", states, func(n string) string { return of[n].EarlyBy.String() })
	heading("pub/sub", brokers)
	row("events of one subject come in order, within one replica", brokers, yes(func(n string) bool { return on[n].Ordered }))
	row("a topic that stands still stops the service's others", brokers, yes(func(n string) bool { return on[n].StopsOthers }))
	row("what was published before a service's first start waits for it", brokers, yes(func(n string) bool { return on[n].KeepsForNewcomers }))
	row("a dead replica's work is taken over within", brokers, func(n string) string { return on[n].Takeover.String() })
	row("an event in the midst of being published when the broker dies can be acknowledged and lost", brokers, yes(func(n string) bool { return on[n].LosesUnconfirmed }))
	return out.String()
}
