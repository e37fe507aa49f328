package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"time"
)

// report prints what became of the orders; an error when one is not final or ended as it must not.
func report(out io.Writer, orders []*order) error {
	var begin, lastAccepted, lastFinal time.Time
	var accept, complete []time.Duration
	ends, ids := map[string]int{}, map[string]bool{}
	var open, wrong int
	var example error
	for _, o := range orders {
		if begin.IsZero() || o.sent.Before(begin) {
			begin = o.sent
		}
		lastAccepted = later(lastAccepted, o.accepted)
		accept = append(accept, o.accepted.Sub(o.sent))
		ids[o.id] = true
		if o.err != nil {
			open++
			example = o.err
			continue
		}
		lastFinal = later(lastFinal, o.final)
		complete = append(complete, o.final.Sub(o.sent))
		end := o.last.Status
		if o.last.Reason != "" {
			end += " (" + o.last.Reason + ")"
		}
		ends[end]++
		if o.purchase.PaymentToken == "tok_declined" && o.last.Status != "cancelled" {
			wrong++
		}
	}
	rate := func(n int, until time.Time) float64 { return float64(n) / max(until.Sub(begin).Seconds(), 1e-3) }
	fmt.Fprintf(out, "accepted   %6d orders  %8.1f/s  p50 %s  p99 %s\n", len(ids), rate(len(ids), lastAccepted), quantile(accept, .5), quantile(accept, .99))
	fmt.Fprintf(out, "final      %6d orders  %8.1f/s  p50 %s  p99 %s from sending\n", len(complete), rate(len(complete), lastFinal), quantile(complete, .5), quantile(complete, .99))
	for _, end := range slices.Sorted(maps.Keys(ends)) {
		fmt.Fprintf(out, "  %6d %s\n", ends[end], end)
	}
	switch {
	case open > 0:
		return fmt.Errorf("%d orders are not final: %w", open, example)
	case wrong > 0:
		return fmt.Errorf("%d orders were confirmed with a declined card", wrong)
	case len(ids) != len(orders):
		return fmt.Errorf("%d requests gave %d orders", len(orders), len(ids))
	}
	return nil
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// quantile of the durations, by nearest rank; 0 for none.
func quantile(all []time.Duration, q float64) time.Duration {
	if len(all) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(all))
	return sorted[min(len(sorted)-1, int(q*float64(len(sorted))))].Round(100 * time.Microsecond)
}
