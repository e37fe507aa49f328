package access_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sidecart/sidecart/services/internal/event"
	"github.com/sidecart/sidecart/services/internal/state"
	"github.com/sidecart/sidecart/services/internal/state/statetest"
	"github.com/sidecart/sidecart/services/user/internal/access"
	"github.com/sidecart/sidecart/services/user/internal/account"
	"github.com/sidecart/sidecart/services/user/internal/password"
)

var (
	cheap = password.Params{Memory: 16, Time: 1, Threads: 1}
	start = time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	ada   = account.Registration{Email: "ada@example.com", Name: "Ada", Password: "correct horse"}
)

var errDown = errors.New("down")

// broker keeps what was published, unless it is down.
type broker struct {
	mu     sync.Mutex
	down   bool
	events []event.Event
}

func (b *broker) Publish(_ context.Context, topic string, events ...event.Event) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.down || topic != "users" {
		return errDown
	}
	b.events = append(b.events, events...)
	return nil
}

// ids counts how often each event was published.
func (b *broker) ids() map[string]int {
	ids := map[string]int{}
	for _, e := range b.events {
		ids[e.ID]++
	}
	return ids
}

// process is one replica of the service on a store that others may share.
func process(store state.Store, b *broker) *access.Accounts {
	return access.NewAccounts(store, b, password.New(cheap, 2), slog.New(slog.DiscardHandler))
}

// mortal is a store whose process dies at the n-th moment before or after a write: from
// then on nothing is read or written.
func mortal(n int) (store *statetest.Memory, revive func() (died bool)) {
	store = statetest.NewMemory()
	moment, dead := 0, false
	store.Fault = func(key string, _ bool) error {
		if key != "" {
			moment++
			dead = dead || moment == n
		}
		if dead {
			return errDown
		}
		return nil
	}
	return store, func() bool {
		store.Fault = nil
		return dead
	}
}

// checkOne insists on exactly one account for ada, announced under one id.
func checkOne(t *testing.T, accounts *access.Accounts, b *broker, id string) {
	t.Helper()
	require.Len(t, b.ids(), 1)
	require.Equal(t, id, b.events[0].Subject)
	_, err := accounts.Register(t.Context(), ada, start)
	require.ErrorIs(t, err, access.ErrRegistered)
	who, exists, err := accounts.Get(t.Context(), id)
	require.NoError(t, err)
	require.True(t, exists)
	require.True(t, strings.EqualFold(ada.Email, who.Email))
}
