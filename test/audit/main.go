// Audit waits until a running shop has come to rest, reads the records of all services through
// their sidecars, and proves that they agree: every order is final, every piece of stock, every
// cent, every message and every entry of the read side is explained by the orders' event streams.
// It prints what it counted and exits 0, or lists each record that does not agree and exits 1.
//
// The sidecars are those of dapr.yaml, moved by as many ports as GATEWAY_URL is off the gateway's,
// or by -port-offset. DAPR_API_TOKEN is sent if it is set.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"github.com/sidecart/sidecart/test/stack/manifest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Getenv, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "audit:", err)
		os.Exit(1)
	}
}

// errDisagree: the offenders are printed already.
var errDisagree = errors.New("the records do not agree")

func run(ctx context.Context, args []string, getenv func(string) string, stdout io.Writer) error {
	flags := flag.NewFlagSet("audit", flag.ContinueOnError)
	wait := flags.Duration("wait", time.Minute, "how long the shop may take to come to rest")
	quiet := flags.Duration("quiet", 2*time.Second, "how long nothing may change at rest")
	offset := flags.Int("port-offset", 0, "what to add to the ports of dapr.yaml; 0 follows GATEWAY_URL")
	if err := flags.Parse(args); err != nil {
		return err
	}
	m, err := manifest.Find(".")
	if err != nil {
		return err
	}
	if *offset == 0 {
		if *offset, err = offsetOf(getenv("GATEWAY_URL"), m); err != nil {
			return err
		}
	}
	r := &reader{http: &http.Client{Timeout: 30 * time.Second}, sidecars: map[string]string{}, token: getenv("DAPR_API_TOKEN")}
	for _, app := range m.Apps {
		r.sidecars[app.ID] = "http://127.0.0.1:" + strconv.Itoa(app.Shift(*offset).HTTP)
	}
	v, err := watch{read: r.read, every: 500 * time.Millisecond, quiet: *quiet, wait: *wait}.verdict(ctx)
	if err != nil {
		return err
	}
	return tell(stdout, v)
}

// offsetOf tells how far a gateway's port is from the one in dapr.yaml.
func offsetOf(gateway string, m *manifest.Manifest) (int, error) {
	if gateway == "" {
		return 0, nil
	}
	at, err := url.Parse(gateway)
	if err != nil {
		return 0, fmt.Errorf("GATEWAY_URL: %w", err)
	}
	port, err := strconv.Atoi(at.Port())
	if err != nil {
		return 0, fmt.Errorf("GATEWAY_URL %s names no port", gateway)
	}
	app, err := m.App("gateway")
	return port - app.Port, err
}

func tell(out io.Writer, v verdict) error {
	if v.atRest {
		fmt.Fprintf(out, "At rest after %.1f s.\n", v.took.Seconds())
	} else {
		fmt.Fprintf(out, "Not at rest after %.1f s: %d orders are not final, or records still change.\n", v.took.Seconds(), v.Open)
	}
	for _, c := range v.Counts {
		fmt.Fprintf(out, "  %7d %-14s %s\n", c.Number, c.What, c.Detail)
	}
	if v.atRest && len(v.Findings) == 0 {
		fmt.Fprintln(out, "All records agree.")
		return nil
	}
	for _, f := range v.Findings {
		fmt.Fprintf(out, "  %s\n", f)
	}
	fmt.Fprintf(out, "%d offenders.\n", len(v.Findings))
	return errDisagree
}
