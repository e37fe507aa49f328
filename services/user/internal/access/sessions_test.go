package access_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/sidecart/sidecart/services/internal/state"
	"github.com/sidecart/sidecart/services/internal/state/statetest"
	"github.com/sidecart/sidecart/services/user/internal/access"
	"github.com/sidecart/sidecart/services/user/internal/secret"
	"github.com/sidecart/sidecart/services/user/internal/session"
)

func openSession(t require.TestingT, store state.Store) (*access.Sessions, access.Grant) {
	accounts := process(store, &broker{})
	who, err := accounts.Register(context.Background(), ada, start)
	require.NoError(t, err)
	sessions := access.NewSessions(store, accounts)
	grant, err := sessions.Open(context.Background(), who, start)
	require.NoError(t, err)
	return sessions, grant
}

func TestOfParallelRefreshesOneWinsAndTheSessionEnds(t *testing.T) {
	store := statetest.NewMemory()
	sessions, grant := openSession(t, store)
	var wg sync.WaitGroup
	grants, errs := make([]access.Grant, 8), make([]error, 8)
	for i := range errs {
		wg.Go(func() { grants[i], errs[i] = sessions.Refresh(t.Context(), grant.Refresh, start) })
	}
	wg.Wait()
	var winners []access.Grant
	reused := 0
	for i, err := range errs {
		switch {
		case err == nil:
			winners = append(winners, grants[i])
		case errors.Is(err, session.ErrReuse):
			reused++
		default:
			require.ErrorIs(t, err, session.ErrEnded)
		}
	}
	require.Len(t, winners, 1)
	require.Equal(t, 1, reused)
	_, err := sessions.Refresh(t.Context(), winners[0].Refresh, start)
	require.ErrorIs(t, err, session.ErrEnded)
}

// A client and a thief with copies of its tokens refresh in any order, on a store that fails
// before and after writes as it pleases. At no time are two tokens good, and when both
// have shown a token that the other one's refresh had used up, none is.
func TestNoInterleavingOrFailureLeavesTwoGoodTokens(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		store := statetest.NewMemory()
		sessions, grant := openSession(t, store)
		issued := []secret.Text{grant.Refresh}
		used := map[secret.Text]bool{}
		reused := false
		for range rapid.IntRange(1, 12).Draw(t, "steps") {
			shown := rapid.SampledFrom(issued).Draw(t, "shown")
			fails := rapid.SampledFrom([]string{"no", "before", "after"}).Draw(t, "fails")
			store.Fault = func(key string, applied bool) error {
				if key != "" && fails != "no" && applied == (fails == "after") {
					return errDown
				}
				return nil
			}
			got, err := sessions.Refresh(context.Background(), shown, start)
			store.Fault = nil
			switch {
			case err == nil:
				require.False(t, reused)
				require.False(t, used[shown])
				used[shown] = true
				issued = append(issued, got.Refresh)
			case errors.Is(err, state.ErrUnavailable):
				if fails == "after" {
					reused = reused || used[shown]
					used[shown] = true
				}
			case errors.Is(err, session.ErrReuse):
				require.True(t, used[shown])
				reused = true
			default:
				require.ErrorIs(t, err, session.ErrEnded)
				require.True(t, reused)
			}
		}
		good := 0
		for _, text := range issued {
			token, err := session.ParseToken(text)
			require.NoError(t, err)
			family, _, err := state.Read[session.Family](context.Background(), store, "session-"+grant.Session)
			require.NoError(t, err)
			if _, err := family.Rotate(token, "next", start); err == nil {
				good++
			}
		}
		require.LessOrEqual(t, good, 1)
		if reused {
			require.Zero(t, good)
		}
	})
}

func TestARevokedSessionIsNotRefreshed(t *testing.T) {
	sessions, grant := openSession(t, statetest.NewMemory())
	require.NoError(t, sessions.Revoke(t.Context(), grant.Session))
	require.NoError(t, sessions.Revoke(t.Context(), grant.Session))
	require.NoError(t, sessions.Revoke(t.Context(), uuid.NewString()))
	_, err := sessions.Refresh(t.Context(), grant.Refresh, start)
	require.ErrorIs(t, err, session.ErrEnded)
}

func TestAChainOfRefreshesGoesOnPastTheFirstLifetime(t *testing.T) {
	sessions, grant := openSession(t, statetest.NewMemory())
	now := start
	for range 5 {
		now = now.Add(session.Lifetime - time.Hour)
		next, err := sessions.Refresh(t.Context(), grant.Refresh, now)
		require.NoError(t, err)
		require.Equal(t, grant.Session, next.Session)
		grant = next
	}
	_, err := sessions.Refresh(t.Context(), grant.Refresh, now.Add(session.Lifetime))
	require.ErrorIs(t, err, session.ErrEnded)
}

func TestUnknownAndForeignTokensAreRefused(t *testing.T) {
	sessions, grant := openSession(t, statetest.NewMemory())
	for _, text := range []secret.Text{"", "nonsense", session.Token{Session: uuid.NewString(), Generation: 1, Secret: "x"}.Text()} {
		_, err := sessions.Refresh(t.Context(), text, start)
		require.ErrorIs(t, err, session.ErrEnded)
	}
	_, err := sessions.Refresh(t.Context(), grant.Refresh, start)
	require.NoError(t, err)
}
