package access

import (
	"context"
	"errors"

	"github.com/sidecart/sidecart/services/user/internal/account"
	"github.com/sidecart/sidecart/services/user/internal/secret"
)

// ErrCredentials: there is no such account or the password is another; which of the two is not told.
var ErrCredentials = errors.New("access: wrong credentials")

// Authenticate answers the account that e-mail address and password belong to. An address
// without account takes as long as a wrong password.
// Errors: ErrCredentials, state.ErrUnavailable.
func (a *Accounts) Authenticate(ctx context.Context, email string, given secret.Text) (account.Account, error) {
	// Without an account the hash is empty, which fits nothing.
	who, _, err := a.byEmail(ctx, email)
	if err != nil {
		return account.Account{}, err
	}
	ok, outdated, err := a.hasher.Verify(ctx, who.PasswordHash, given)
	if err != nil {
		return account.Account{}, err
	}
	if !ok {
		return account.Account{}, ErrCredentials
	}
	if outdated {
		// That it fails is no reason to turn somebody away: the next sign-in tries again.
		if err := a.rehash(ctx, who, given); err != nil {
			a.log.WarnContext(ctx, "password keeps its outdated hash", "userId", who.ID, "error", err)
		}
	}
	return who, nil
}

// rehash replaces the hash that was checked, and no later one, by one with today's parameters.
func (a *Accounts) rehash(ctx context.Context, who account.Account, given secret.Text) error {
	hash, err := a.hasher.Hash(ctx, given)
	if err != nil {
		return err
	}
	return a.change(ctx, who.ID, func(now *account.Account) bool {
		if now.PasswordHash != who.PasswordHash {
			return false
		}
		now.PasswordHash = hash
		return true
	})
}
