//go:build conformance

package main

import (
	"context"
	"os/exec"
	"path/filepath"
	"regexp"
)

// engine is what an engine is called and how to ask for its version: what the command prints
// holds it where the expression has its group.
type engine struct {
	title   string
	command []string
	version *regexp.Regexp
}

var engines = map[string]engine{
	"redis":    {"Redis", []string{"redis-server", "--version"}, regexp.MustCompile(`v=(\S+)`)},
	"postgres": {"PostgreSQL", []string{"sh", "-c", `"$(ls -d /usr/lib/postgresql/*/bin/postgres 2>/dev/null | sort -V | tail -n 1 | grep . || echo postgres)" --version`}, regexp.MustCompile(`\) (\S+)`)},
	// The component has the engine within itself.
	"sqlite":   {"SQLite (modernc.org/sqlite)", []string{"go", "-C", "tools/dapr", "list", "-m", "modernc.org/sqlite"}, regexp.MustCompile(` (\S+)`)},
	"kafka":    {"Kafka", []string{"cat", "tools/engines/kafka/pom.xml"}, regexp.MustCompile(`kafka_2[^<]*</artifactId>\s*<version>([^<]+)<`)},
	"rabbitmq": {"RabbitMQ", []string{"dpkg-query", "-W", "rabbitmq-server"}, regexp.MustCompile(`\t([0-9.]+)`)},
}

// version answers the engine's name, and the version if it can be told.
func version(ctx context.Context, root, name string) string {
	e := engines[name]
	cmd := exec.CommandContext(ctx, e.command[0], e.command[1:]...)
	cmd.Dir = filepath.Clean(root)
	out, err := cmd.Output()
	if found := e.version.FindSubmatch(out); err == nil && found != nil {
		return e.title + " " + string(found[1])
	}
	return e.title
}
