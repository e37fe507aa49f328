// Command user is the service that owns accounts, credentials and tokens.
package main

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/sidecart/sidecart/services/internal/auth"
	"github.com/sidecart/sidecart/services/internal/serve"
	"github.com/sidecart/sidecart/services/user/internal/access"
	"github.com/sidecart/sidecart/services/user/internal/api"
	"github.com/sidecart/sidecart/services/user/internal/password"
	"github.com/sidecart/sidecart/services/user/internal/secret"
	"github.com/sidecart/sidecart/services/user/internal/token"
)

const (
	// hashes at once: 2 × 19 MiB.
	hashes = 2
	// sweeping is the pause between looks for registrations that nobody was told of.
	sweeping = 30 * time.Second
)

func main() { serve.Main(run) }

func run(ctx context.Context, getenv func(string) string, stdout io.Writer) error {
	svc, err := serve.New("user", false, getenv, stdout)
	if err != nil {
		return err
	}
	lifetime := svc.Duration("ACCESS_TOKEN_TTL", 15*time.Minute)
	if lifetime < time.Second {
		return errors.New("ACCESS_TOKEN_TTL: must be a duration of at least 1s")
	}
	store := svc.Sidecar.Store("user-state")
	accounts := access.NewAccounts(store, svc.Sidecar, password.New(password.Standard, hashes), svc.Log)
	issuer := token.NewIssuer(lifetime)
	server := &api.Server{
		Accounts: accounts, Sessions: access.NewSessions(store, accounts), Issuer: issuer,
		Verifier: auth.NewVerifier(func(context.Context) (auth.KeySet, error) { return issuer.KeySet() }),
	}
	server.Routes(svc.Router)

	start := func(ctx context.Context) error {
		seed, err := svc.Sidecar.Secret(ctx, "jwt-signing-key")
		if err != nil {
			return err
		}
		if err := issuer.Use(secret.Text(seed)); err != nil {
			return err
		}
		email, err := svc.Sidecar.Secret(ctx, "admin-email")
		if err != nil {
			return err
		}
		admin, err := svc.Sidecar.Secret(ctx, "admin-password")
		if err != nil {
			return err
		}
		return accounts.EnsureAdministrator(ctx, email, secret.Text(admin), time.Now())
	}
	svc.OnStart(func(ctx context.Context) error {
		err := start(ctx)
		if err != nil {
			// A secret that is missing or unfit keeps the service from ever being ready: say so.
			svc.Log.WarnContext(ctx, "cannot start yet, trying again", "error", err)
		}
		return err
	})
	svc.Every(sweeping, "publish registrations", func(ctx context.Context) error { return accounts.Sweep(ctx, time.Now()) })
	return svc.Run(ctx)
}
