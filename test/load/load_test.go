package main

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sidecart/sidecart/test/client"
)

func TestParseRefuses(t *testing.T) {
	none := func(string) string { return "" }
	p, err := parse(nil, none)
	require.NoError(t, err)
	require.Equal(t, 1000, p.orders)
	for _, args := range [][]string{{"-orders", "0"}, {"-concurrency", "0"}, {"-declined", "1.1"}, {"-twice", "-1"}, {"-quantity", "1000"}, {"-customers", "0"}, {"-nonsense"}} {
		_, err := parse(args, none)
		require.Error(t, err, args)
	}
}

func TestOnlyThisMachine(t *testing.T) {
	for _, address := range []string{"http://localhost:8080", "http://127.0.0.1:18080", "http://[::1]:8080"} {
		require.NoError(t, loopback(address), address)
	}
	for _, address := range []string{"http://example.org", "http://10.0.0.1:8080", "http://localhost.example.org", "http://127.0.0.1.example.org", "%"} {
		require.Error(t, loopback(address), address)
	}
}

func TestChosenIsExact(t *testing.T) {
	for share, expected := range map[float64]int{0: 0, 0.1: 100, 1: 1000} {
		marked := 0
		for _, mark := range chosen(1000, share) {
			if mark {
				marked++
			}
		}
		require.Equal(t, expected, marked)
	}
}

func TestReport(t *testing.T) {
	start := time.Now()
	done := func(id, token, status, reason string, after time.Duration) *order {
		return &order{
			id: id, purchase: client.Purchase{PaymentToken: token}, sent: start, accepted: start.Add(after / 2), final: start.Add(after),
			last: client.Order{ID: id, Status: status, Reason: reason},
		}
	}
	good := []*order{
		done("a", "tok_ok", "confirmed", "", time.Second),
		done("b", "tok_declined", "cancelled", "payment_declined", 2*time.Second),
		done("c", "tok_ok", "cancelled", "out_of_stock", 2*time.Second),
	}
	var out bytes.Buffer
	require.NoError(t, report(&out, good))
	require.Contains(t, out.String(), "final           3 orders       1.5/s  p50 2s  p99 2s from sending")
	require.Contains(t, out.String(), "1 cancelled (payment_declined)")

	open := done("d", "tok_ok", "submitted", "", 0)
	open.err = errors.New("still submitted")
	require.ErrorContains(t, report(&out, append(good, open)), "1 orders are not final: still submitted")
	require.ErrorContains(t, report(&out, append(good, done("e", "tok_declined", "confirmed", "", 0))), "declined card")
	require.ErrorContains(t, report(&out, append(good, good[0])), "4 requests gave 3 orders")
	require.Zero(t, quantile(nil, .5))
}
