package access

import (
	"context"
	"errors"
	"time"

	"github.com/sidecart/sidecart/services/user/internal/account"
	"github.com/sidecart/sidecart/services/user/internal/secret"
)

// EnsureAdministrator sees to it that the account of that address exists, has the role admin
// and that password. Several processes may do so at once. When the password was another one,
// sessions that were opened with it end.
func (a *Accounts) EnsureAdministrator(ctx context.Context, email string, given secret.Text, now time.Time) error {
	who, exists, err := a.byEmail(ctx, email)
	if err != nil {
		return err
	}
	if !exists {
		_, err = a.register(ctx, account.Registration{Email: email, Name: "Administrator", Password: given}, account.Admin, now)
		if !errors.Is(err, ErrRegistered) {
			return err
		}
		// Somebody was faster, perhaps as a customer.
		if who, _, err = a.byEmail(ctx, email); err != nil {
			return err
		}
	}
	fits, _, err := a.hasher.Verify(ctx, who.PasswordHash, given)
	if err != nil || (fits && who.Role == account.Admin) {
		return err
	}
	hash, err := a.hasher.Hash(ctx, given)
	if err != nil {
		return err
	}
	return a.change(ctx, who.ID, func(now *account.Account) bool {
		now.Role = account.Admin
		if now.PasswordHash == who.PasswordHash && !fits {
			now.PasswordHash = hash
			now.Credential++
		}
		return true
	})
}
