package cashier_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sidecart/sidecart/services/payment/internal/cashier"
	"github.com/sidecart/sidecart/services/payment/internal/payment"
	"github.com/sidecart/sidecart/services/payment/internal/sandbox"
)

// refuser is a provider that refuses what it is told to.
type refuser struct {
	sandbox.Provider
	capture, void error
	refunds       int
}

func (r *refuser) Capture(context.Context, string, string) error { return r.capture }
func (r *refuser) Void(context.Context, string, string) error    { return r.void }
func (r *refuser) Refund(context.Context, string, string) error  { r.refunds++; return nil }

func TestACaptureThatTheProviderMadeBeforeAVoidIsRefunded(t *testing.T) {
	r := &refuser{Provider: sandbox.New(), void: cashier.ErrCaptured}
	c := newCounter(r)
	require.Equal(t, payment.Authorised, c.authorise(t, request(order, sandbox.OK)))
	require.NoError(t, c.Cancel(t.Context(), []string{order})[0])
	p := c.read(t, order)
	assert.Equal(t, [4]any{payment.Refunded, euros.Amount, euros.Amount, 1}, [4]any{p.State, p.Captured, p.Refunded, r.refunds})
}

func TestAVoidThatTheProviderMadeBeforeACaptureStands(t *testing.T) {
	c := newCounter(&refuser{Provider: sandbox.New(), capture: cashier.ErrVoided})
	require.Equal(t, payment.Authorised, c.authorise(t, request(order, sandbox.OK)))
	require.NoError(t, c.Capture(t.Context(), []string{order})[0])
	assert.Equal(t, payment.Voided, c.read(t, order).State)
}

func TestACaptureThatTheBooksCannotExplainIsNotCalledCancelled(t *testing.T) {
	c := newCounter(&refuser{Provider: sandbox.New(), void: cashier.ErrCaptured})
	require.ErrorIs(t, c.Cancel(t.Context(), []string{order})[0], cashier.ErrCaptured)
	assert.Equal(t, payment.None, c.read(t, order).State)
}

func TestAProviderThatFailsLeavesThePaymentAsItIs(t *testing.T) {
	c := newCounter(&refuser{Provider: sandbox.New(), capture: errNetwork, void: errNetwork})
	require.Equal(t, payment.Authorised, c.authorise(t, request(order, sandbox.OK)))
	require.ErrorIs(t, c.Capture(t.Context(), []string{order})[0], errNetwork)
	require.ErrorIs(t, c.Cancel(t.Context(), []string{order})[0], errNetwork)
	assert.Equal(t, payment.Authorised, c.read(t, order).State)
}
