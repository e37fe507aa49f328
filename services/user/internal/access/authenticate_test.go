package access_test

import (
	"log/slog"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sidecart/sidecart/services/internal/state/statetest"
	"github.com/sidecart/sidecart/services/user/internal/access"
	"github.com/sidecart/sidecart/services/user/internal/account"
	"github.com/sidecart/sidecart/services/user/internal/password"
	"github.com/sidecart/sidecart/services/user/internal/secret"
	"github.com/sidecart/sidecart/services/user/internal/session"
)

func TestOnlyTheRightPasswordSignsIn(t *testing.T) {
	accounts := process(statetest.NewMemory(), &broker{})
	registered, err := accounts.Register(t.Context(), ada, start)
	require.NoError(t, err)
	who, err := accounts.Authenticate(t.Context(), "ADA@example.com", ada.Password)
	require.NoError(t, err)
	require.Equal(t, registered.ID, who.ID)
	for email, given := range map[string]secret.Text{ada.Email: "wrong", "eve@example.com": ada.Password, "": ""} {
		_, err := accounts.Authenticate(t.Context(), email, given)
		require.ErrorIs(t, err, access.ErrCredentials)
	}
}

func TestAnOutdatedHashIsReplacedAtSignIn(t *testing.T) {
	store := statetest.NewMemory()
	accounts := process(store, &broker{})
	before, err := accounts.Register(t.Context(), ada, start)
	require.NoError(t, err)
	dearer := access.NewAccounts(store, &broker{}, password.New(password.Params{Memory: 32, Time: 1, Threads: 1}, 2), slog.New(slog.DiscardHandler))

	_, err = dearer.Authenticate(t.Context(), ada.Email, "wrong")
	require.ErrorIs(t, err, access.ErrCredentials)
	same, _, err := dearer.Get(t.Context(), before.ID)
	require.NoError(t, err)
	require.Equal(t, before.PasswordHash, same.PasswordHash)

	_, err = dearer.Authenticate(t.Context(), ada.Email, ada.Password)
	require.NoError(t, err)
	after, _, err := dearer.Get(t.Context(), before.ID)
	require.NoError(t, err)
	require.Contains(t, after.PasswordHash.Reveal(), "$m=32,t=1,p=1$")
	require.Equal(t, before.Credential, after.Credential, "it is the same password, sessions go on")
	_, err = dearer.Authenticate(t.Context(), ada.Email, ada.Password)
	require.NoError(t, err)
}

func TestTheAdministratorIsThereAfterwardsWhateverWasBefore(t *testing.T) {
	for name, prepare := range map[string]func(*access.Accounts) error{
		"nothing":    func(*access.Accounts) error { return nil },
		"a customer": func(a *access.Accounts) error { _, err := a.Register(t.Context(), ada, start); return err },
		"an old secret": func(a *access.Accounts) error {
			return a.EnsureAdministrator(t.Context(), ada.Email, "old secret", start)
		},
		"the same again": func(a *access.Accounts) error {
			return a.EnsureAdministrator(t.Context(), ada.Email, "new secret", start)
		},
	} {
		t.Run(name, func(t *testing.T) {
			store := statetest.NewMemory()
			require.NoError(t, prepare(process(store, &broker{})))
			var wg sync.WaitGroup
			errs := make([]error, 4)
			for i := range errs {
				wg.Go(func() {
					errs[i] = process(store, &broker{}).EnsureAdministrator(t.Context(), ada.Email, "new secret", start)
				})
			}
			wg.Wait()
			for _, err := range errs {
				require.NoError(t, err)
			}
			who, err := process(store, &broker{}).Authenticate(t.Context(), ada.Email, "new secret")
			require.NoError(t, err)
			require.Equal(t, account.Admin, who.Role)
			for _, old := range []secret.Text{ada.Password, "old secret"} {
				_, err = process(store, &broker{}).Authenticate(t.Context(), ada.Email, old)
				require.ErrorIs(t, err, access.ErrCredentials)
			}
		})
	}
}

// Whoever held the address, or knew the password, before is out at the next refresh.
func TestReplacingThePasswordEndsSessions(t *testing.T) {
	store := statetest.NewMemory()
	accounts := process(store, &broker{})
	who, err := accounts.Register(t.Context(), ada, start)
	require.NoError(t, err)
	sessions := access.NewSessions(store, accounts)
	grant, err := sessions.Open(t.Context(), who, start)
	require.NoError(t, err)
	require.NoError(t, accounts.EnsureAdministrator(t.Context(), ada.Email, "new secret", start))
	_, err = sessions.Refresh(t.Context(), grant.Refresh, start)
	require.ErrorIs(t, err, session.ErrEnded)
}
