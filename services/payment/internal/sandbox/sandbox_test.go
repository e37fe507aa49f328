package sandbox_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sidecart/sidecart/services/internal/money"
	"github.com/sidecart/sidecart/services/payment/internal/payment"
	"github.com/sidecart/sidecart/services/payment/internal/sandbox"
)

func TestTheSameKeyHasTheSameAnswerInEveryReplica(t *testing.T) {
	refs := map[string]bool{}
	for token, want := range map[string]payment.State{
		sandbox.OK: payment.Authorised, sandbox.Refused: payment.Declined, sandbox.Waiting: payment.Pending, "tok_else": payment.Declined,
	} {
		first, err := sandbox.New().Authorise(t.Context(), token, money.Money{}, token)
		require.NoError(t, err)
		assert.Equal(t, want, first.State)
		again, err := sandbox.New().Authorise(t.Context(), token, money.Money{}, token)
		require.NoError(t, err)
		assert.Equal(t, first, again)
		refs[first.Ref] = true
	}
	assert.Len(t, refs, 4)
}

func TestSlowTakesTwoSecondsAndHeedsItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		answer, err := sandbox.New().Authorise(t.Context(), "key", money.Money{}, sandbox.Slow)
		require.NoError(t, err)
		assert.Equal(t, payment.Authorised, answer.State)
		assert.Equal(t, 2*time.Second, time.Since(start))

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err = sandbox.New().Authorise(ctx, "key", money.Money{}, sandbox.Slow)
		require.ErrorIs(t, err, context.DeadlineExceeded)
	})
}

func TestFlakyFailsAboutHalfTheTime(t *testing.T) {
	failed := 0
	for range 1000 {
		answer, err := sandbox.New().Authorise(t.Context(), "key", money.Money{}, sandbox.Flaky)
		if err != nil {
			failed++
			continue
		}
		require.Equal(t, payment.Authorised, answer.State)
	}
	assert.InDelta(t, 500, failed, 150)
}
