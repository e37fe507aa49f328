package access_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sidecart/sidecart/contracts/contracttest"
	"github.com/sidecart/sidecart/services/internal/state"
	"github.com/sidecart/sidecart/services/internal/state/statetest"
	"github.com/sidecart/sidecart/services/user/internal/access"
	"github.com/sidecart/sidecart/services/user/internal/account"
)

// The process dies at every moment before and after every write in turn; another one then
// meets the same person again, or only sweeps.
func TestADeathAnywhereLeavesOneAnnouncedAccount(t *testing.T) {
	for n := 1; ; n++ {
		b := &broker{}
		store, revive := mortal(n)
		_, firstErr := process(store, b).Register(t.Context(), ada, start)
		if !revive() {
			require.NoError(t, firstErr)
			require.Greater(t, n, 6, "claim, journal and account are written, each has two moments")
			return
		}
		// A restart: nothing is known but the store.
		accounts := process(store, b)
		require.NoError(t, accounts.Sweep(t.Context(), start), "moment %d", n)
		again := ada
		again.Password = "another password"
		who, err := accounts.Register(t.Context(), again, start.Add(time.Minute))
		if err == nil {
			// The first try had not come as far as the account: it never existed.
			require.Error(t, firstErr, "moment %d", n)
		} else {
			require.ErrorIs(t, err, access.ErrRegistered, "moment %d", n)
			who, err = accounts.Authenticate(t.Context(), ada.Email, ada.Password)
			require.NoError(t, err, "moment %d", n)
		}
		checkOne(t, accounts, b, who.ID)
	}
}

func TestAClaimWithoutAccountIsCompletedUnderItsID(t *testing.T) {
	store, b := statetest.NewMemory(), &broker{}
	store.Fault = func(key string, _ bool) error {
		if strings.HasPrefix(key, "user-") {
			return errDown
		}
		return nil
	}
	_, err := process(store, b).Register(t.Context(), ada, start)
	require.ErrorIs(t, err, state.ErrUnavailable)
	store.Fault = nil
	require.Empty(t, b.events)
	_, err = process(store, b).Authenticate(t.Context(), ada.Email, ada.Password)
	require.ErrorIs(t, err, access.ErrCredentials)

	item, err := store.Get(t.Context(), "email-"+account.Fingerprint(ada.Email))
	require.NoError(t, err)
	again := ada
	again.Email, again.Password = " ADA@example.com ", "another password"
	who, err := process(store, b).Register(t.Context(), again, start)
	require.NoError(t, err)
	require.JSONEq(t, fmt.Sprintf(`{"userId":%q}`, who.ID), string(item.Value))
	_, err = process(store, b).Authenticate(t.Context(), ada.Email, ada.Password)
	require.ErrorIs(t, err, access.ErrCredentials)
	checkOne(t, process(store, b), b, who.ID)
}

func TestOfParallelRegistrationsOfOneAddressOneWins(t *testing.T) {
	store, b := statetest.NewMemory(), &broker{}
	processes := []*access.Accounts{process(store, b), process(store, b)}
	var wg sync.WaitGroup
	accounts, errs := make([]account.Account, 16), make([]error, 16)
	for i := range errs {
		wg.Go(func() {
			one := ada
			one.Email = []string{"ada@example.com", "Ada@Example.com"}[i%2]
			accounts[i], errs[i] = processes[i%2].Register(t.Context(), one, start)
		})
	}
	wg.Wait()
	won := []int{}
	for i, err := range errs {
		if err == nil {
			won = append(won, i)
		} else {
			require.ErrorIs(t, err, access.ErrRegistered)
		}
	}
	require.Len(t, won, 1)
	require.Len(t, b.events, 1)
	require.Equal(t, accounts[won[0]].ID, b.events[0].Subject)
}

func TestWhatWasWrittenAndNotPublishedIsPublishedLaterUnderTheSameID(t *testing.T) {
	store, b := statetest.NewMemory(), &broker{down: true}
	who, err := process(store, b).Register(t.Context(), ada, start)
	require.NoError(t, err, "the broker's absence is nothing to the customer")
	require.ErrorIs(t, process(store, b).Sweep(t.Context(), start), errDown)

	b.down = false
	// The event arrives, but the process dies before it can note so.
	store.Fault = func(key string, applied bool) error {
		if strings.HasPrefix(key, "user-") && !applied {
			return errDown
		}
		return nil
	}
	require.ErrorIs(t, process(store, b).Sweep(t.Context(), start), state.ErrUnavailable)
	store.Fault = nil
	require.NoError(t, process(store, b).Sweep(t.Context(), start))
	require.NoError(t, process(store, b).Sweep(t.Context(), start))

	require.Len(t, b.events, 2)
	require.Len(t, b.ids(), 1)
	contracttest.Event(t, b.events[0])
	require.Equal(t, account.RegisteredV1, b.events[0].Type)
	require.Equal(t, who.ID, b.events[0].Subject)
	for _, personal := range []string{ada.Email, ada.Name} {
		require.NotContains(t, string(b.events[0].Data), personal)
	}
}

// A page that is full and old is not looked at again; one that is young is, since an account
// that it names may be written only now.
func TestTheSweepSkipsOnlyWhatIsSettled(t *testing.T) {
	store, b := statetest.NewMemory(), &broker{}
	accounts := process(store, b)
	for i := range 201 {
		one := ada
		one.Email = fmt.Sprintf("ada-%d@example.com", i)
		_, err := accounts.Register(t.Context(), one, start)
		require.NoError(t, err)
	}
	reads := func(now time.Time) (n int) {
		store.Fault = func(key string, _ bool) error {
			if key == "" {
				n++
			}
			return nil
		}
		defer func() { store.Fault = nil }()
		require.NoError(t, accounts.Sweep(t.Context(), now))
		return n
	}
	require.Greater(t, reads(time.Now()), 200)
	require.Greater(t, reads(time.Now()), 200, "the first page is full, but young")
	require.Greater(t, reads(time.Now().Add(time.Hour)), 200)
	require.Less(t, reads(time.Now().Add(time.Hour)), 5)

	b.down = true
	one := ada
	_, err := accounts.Register(t.Context(), one, start)
	require.NoError(t, err)
	b.down = false
	published := len(b.events)
	require.NoError(t, accounts.Sweep(t.Context(), time.Now().Add(time.Hour)))
	require.Len(t, b.events, published+1)
}

func TestAnInvalidRegistrationLeavesNothing(t *testing.T) {
	store, b := statetest.NewMemory(), &broker{}
	store.Fault = func(key string, _ bool) error {
		if key != "" {
			return errors.New("written")
		}
		return nil
	}
	bad := ada
	bad.Password = "short"
	_, err := process(store, b).Register(t.Context(), bad, start)
	var invalid *account.InvalidError
	require.ErrorAs(t, err, &invalid)
	require.Equal(t, "password", invalid.Field)
}
