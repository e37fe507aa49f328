// The gateway is the shop's public HTTP API: it checks what comes in, hands it to the service
// that answers it, and lets nothing out that is not that service's own answer.
package main

import (
	"context"
	"fmt"
	"io"
	"strconv"

	"github.com/sidecart/sidecart/services/internal/auth"
	"github.com/sidecart/sidecart/services/internal/serve"
)

func main() { serve.Main(run) }

// run serves until ctx ends. Beside what serve.New reads, the environment has RATE_LIMIT and
// RATE_LIMIT_AUTH: requests per second and client, of all and of those that check a password.
func run(ctx context.Context, getenv func(string) string, stdout io.Writer) error {
	svc, err := serve.New("gateway", true, getenv, stdout)
	if err != nil {
		return err
	}
	all, err := perSecond(getenv, "RATE_LIMIT", 2000)
	if err != nil {
		return err
	}
	passwords, err := perSecond(getenv, "RATE_LIMIT_AUTH", 50)
	if err != nil {
		return err
	}
	g := &gateway{
		sidecar: svc.Sidecar, verifier: auth.FromUser(svc.Sidecar), log: svc.Log,
		all: newLimiter(all, int(2*all)), passwords: newLimiter(passwords, int(4*passwords)),
	}
	if err := g.mount(svc.Router, routes()); err != nil {
		return err
	}
	svc.OnStart(g.awaitServices)
	return svc.Run(ctx)
}

func perSecond(getenv func(string) string, name string, standard float64) (float64, error) {
	text := getenv(name)
	if text == "" {
		return standard, nil
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || !(n >= 1 && n <= 1e9) {
		return 0, fmt.Errorf("%s: %q is not a number of requests per second, 1 or more", name, text)
	}
	return n, nil
}
