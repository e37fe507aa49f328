package password_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/sidecart/sidecart/services/internal/state"
	"github.com/sidecart/sidecart/services/user/internal/password"
	"github.com/sidecart/sidecart/services/user/internal/secret"
)

var cheap = password.Params{Memory: 64, Time: 1, Threads: 1}

func TestOnlyTheHashedPasswordFits(t *testing.T) {
	hasher := password.New(cheap, 2)
	rapid.Check(t, func(t *rapid.T) {
		right, other := rapid.String().Draw(t, "right"), rapid.String().Draw(t, "other")
		hash, err := hasher.Hash(context.Background(), secret.Text(right))
		require.NoError(t, err)
		ok, outdated, err := hasher.Verify(context.Background(), hash, secret.Text(right))
		require.NoError(t, err)
		require.True(t, ok)
		require.False(t, outdated)
		ok, _, err = hasher.Verify(context.Background(), hash, secret.Text(other))
		require.NoError(t, err)
		require.Equal(t, right == other, ok)
	})
}

func TestHashesNameTheirParameters(t *testing.T) {
	hash, err := password.New(password.Standard, 1).Hash(t.Context(), "correct horse")
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(hash.Reveal(), "$argon2id$v=19$m=19456,t=2,p=1$"))

	ok, outdated, err := password.New(cheap, 1).Verify(t.Context(), hash, "correct horse")
	require.NoError(t, err)
	require.True(t, ok)
	require.True(t, outdated)
}

// A vector of the reference implementation (phc-winner-argon2, src/test.c).
func TestReadsTheReferenceImplementationsHashes(t *testing.T) {
	const hash = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
	ok, outdated, err := password.New(password.Standard, 1).Verify(t.Context(), hash, "password")
	require.NoError(t, err)
	require.True(t, ok)
	require.True(t, outdated)
}

func TestNoHashFitsNothing(t *testing.T) {
	ok, _, err := password.New(cheap, 1).Verify(t.Context(), "", "")
	require.NoError(t, err)
	require.False(t, ok)
}

func TestADamagedHashIsAnError(t *testing.T) {
	for _, hash := range []secret.Text{
		"x", "$argon2i$v=19$m=64,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
		"$argon2id$v=19$m=4294967295,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
		"$argon2id$v=19$m=64,t=0,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
		"$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$",
	} {
		_, _, err := password.New(cheap, 1).Verify(t.Context(), hash, "password")
		require.Error(t, err)
	}
}

func TestWhoCannotWaitIsToldSo(t *testing.T) {
	hasher := password.New(password.Standard, 1)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	errs := make([]error, 50)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() { _, _, errs[i] = hasher.Verify(ctx, "", "correct horse") })
	}
	wg.Wait()
	refused := 0
	for _, err := range errs {
		if err != nil {
			require.ErrorIs(t, err, state.ErrUnavailable)
			refused++
		}
	}
	require.Positive(t, refused)
}
