package cashier_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/sidecart/sidecart/services/internal/money"
	"github.com/sidecart/sidecart/services/payment/internal/payment"
	"github.com/sidecart/sidecart/services/payment/internal/sandbox"
)

// fate is what an order commands, besides authorising.
type fate string

const (
	confirm           fate = "confirm"
	cancel            fate = "cancel once authorised"
	cancelMeanwhile   fate = "cancel while authorising"
	confirmThenCancel fate = "confirm, then cancel"
	confirmAndCancel  fate = "cancel while capturing"
)

// plan is one order's life.
type plan struct {
	id, token string
	fate      fate
	// lost: the news of the confirmation never arrives.
	lost bool
	// decision of the customer's bank on a pending payment, after this time.
	decision payment.State
	after    time.Duration
	// strays are the times of repeated requests that nobody waits for any more.
	strays []time.Duration
}

// scenario is a run of some orders past two replicas that die now and then.
type scenario struct {
	seed     uint64
	careless bool
	plans    []plan
	kills    []time.Duration
}

func draw(t *rapid.T) scenario {
	s := scenario{seed: rapid.Uint64().Draw(t, "seed"), careless: rapid.Bool().Draw(t, "careless")}
	times := rapid.Custom(func(t *rapid.T) time.Duration {
		return time.Duration(rapid.IntRange(0, 4000).Draw(t, "ms")) * time.Millisecond
	})
	for i := range rapid.IntRange(1, 3).Draw(t, "orders") {
		s.plans = append(s.plans, plan{
			id:       fmt.Sprintf("order-%d", i),
			token:    rapid.SampledFrom([]string{sandbox.OK, sandbox.Flaky, sandbox.Slow, sandbox.Waiting, sandbox.Refused}).Draw(t, "token"),
			fate:     rapid.SampledFrom([]fate{confirm, cancel, cancelMeanwhile, confirmThenCancel, confirmAndCancel}).Draw(t, "fate"),
			lost:     rapid.Bool().Draw(t, "lost"),
			decision: rapid.SampledFrom([]payment.State{payment.Authorised, payment.Declined}).Draw(t, "decision"),
			after:    times.Draw(t, "after"),
			strays:   rapid.SliceOfN(times, 0, 3).Draw(t, "strays"),
		})
	}
	s.kills = rapid.SliceOfN(times, 0, 5).Draw(t, "kills")
	return s
}

func TestWhateverDiesBooksAndProviderAgreeAtRest(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := draw(rt)
		var found []string
		synctest.Test(t, func(*testing.T) { found = s.run() })
		if len(found) > 0 {
			rt.Fatalf("%v\n%+v", found, s)
		}
	})
}

// shop runs orders past the replicas.
type shop struct {
	*world
	mu       sync.Mutex
	replicas [2]*process
}

func (s scenario) run() []string {
	w := newWorld(s.seed, s.careless)
	shop := &shop{world: w, replicas: [2]*process{w.start("a0"), w.start("b0")}}
	var work sync.WaitGroup
	work.Go(func() {
		for i, at := range s.kills {
			time.Sleep(at)
			shop.replace(i%2, fmt.Sprintf("%c%d", 'a'+i%2, i+1))
		}
	})
	ends := make([]string, len(s.plans))
	for i, p := range s.plans {
		work.Go(func() { ends[i] = shop.live(p) })
		for _, at := range p.strays {
			work.Go(func() { time.Sleep(at); shop.authorise(p) })
		}
	}
	work.Wait()
	// The grace of a void, after which it is repeated, and of the journal, before a page is done.
	time.Sleep(3 * time.Minute)
	var found []string
	for i, p := range s.plans {
		found = append(found, shop.audit(p, ends[i])...)
	}
	for _, r := range shop.replicas {
		r.end()
	}
	return found
}

func (s *shop) replace(i int, name string) {
	s.mu.Lock()
	old := s.replicas[i]
	s.replicas[i] = s.start(name)
	s.mu.Unlock()
	old.kill()
}

func (s *shop) replica(what string) *process {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.replicas[s.chance.below(2, "replica/"+what)]
}

func (s *shop) authorise(p plan) (payment.State, bool) {
	ctx, stop := context.WithTimeout(context.Background(), 10*time.Second)
	defer stop()
	payments, errs := s.replica("authorise"+p.id).cashier.Authorise(ctx, []payment.Request{
		{OrderID: p.id, CustomerID: "c", Amount: money.Money{Amount: 100, Currency: "EUR"}, Token: p.token},
	})
	return payments[0].Decision(), errs[0] == nil
}

// until repeats as the broker does; what has not come true after half an hour the audit finds.
func until(done func() bool) {
	for try := 0; try < 1800 && !done(); try++ {
		time.Sleep(time.Second)
	}
}

func (s *shop) capture(id string) {
	until(func() bool {
		return s.replica("capture"+id).cashier.Capture(context.Background(), []string{id})[0] == nil
	})
}

func (s *shop) cancel(id string) {
	until(func() bool {
		return s.replica("cancel"+id).cashier.Cancel(context.Background(), []string{id})[0] == nil
	})
	s.setOutcome(id, "cancelled")
}

// live drives an order to its end, as the order service does, and answers how it ended.
func (s *shop) live(p plan) string {
	s.setOutcome(p.id, "open")
	var work sync.WaitGroup
	defer work.Wait()
	if p.token == sandbox.Waiting {
		work.Go(func() { time.Sleep(p.after); s.callback(p) })
	}
	if p.fate == cancelMeanwhile {
		work.Go(func() { time.Sleep(p.after); s.cancel(p.id) })
	}
	var decision payment.State
	until(func() bool {
		known := false
		decision, known = s.authorise(p)
		return known && decision != payment.Pending
	})
	switch {
	case p.fate == cancelMeanwhile:
		return "cancelled"
	case decision == payment.Declined:
		s.setOutcome(p.id, "cancelled")
		return "declined"
	case p.fate == cancel:
		s.cancel(p.id)
		return "cancelled"
	}
	s.setOutcome(p.id, "confirmed")
	if !p.lost {
		work.Go(func() { s.capture(p.id) })
	}
	if p.fate == confirm {
		return "confirmed"
	}
	if p.fate == confirmThenCancel {
		work.Wait()
	}
	s.setOutcome(p.id, "open")
	s.cancel(p.id)
	return "cancelled"
}

// callback is the provider's, which repeats it until somebody takes it or the payment is voided.
func (s *shop) callback(p plan) {
	outcome, stands := payment.State(""), false
	until(func() bool {
		outcome, stands = s.bank.resolve(p.id, p.decision)
		return outcome != "" || len(s.states(p.id)) > 0 && s.states(p.id)[0] == payment.Voided
	})
	for try := 0; stands && try < 30; try++ {
		decided, err := s.replica("callback"+p.id).cashier.Decide(context.Background(), p.id, payment.Answer{State: outcome})
		if err == nil && decided.State != payment.None {
			return
		}
		time.Sleep(time.Second)
	}
}

// audit names what is not as the order's end demands.
func (s *shop) audit(p plan, end string) (found []string) {
	wrong := func(format string, args ...any) {
		found = append(found, fmt.Sprintf("%s: "+format, append([]any{p.id}, args...)...))
	}
	docs, err := s.replicas[0].cashier.Payments.Read(context.Background(), []string{p.id})
	if err != nil {
		return []string{err.Error()}
	}
	doc, history := docs[0], s.states(p.id)
	switch allowed := map[string][]payment.State{
		"confirmed": {payment.Captured},
		"declined":  {payment.Declined},
		"cancelled": {payment.Voided, payment.Refunded, payment.Declined},
	}[end]; {
	case !slices.Contains(allowed, doc.State):
		wrong("is %s though the order is %s (%v)", doc.State, end, history)
	case !doc.Settled():
		wrong("is not settled: %+v", doc)
	}
	authorised := 0
	for i, state := range history {
		if state == payment.Authorised {
			authorised++
		}
		if i > 0 && history[i-1] != payment.Pending && history[i-1] != payment.Authorised && history[i-1] != payment.Captured {
			wrong("left a final state: %v", history)
		}
		if i > 0 && state == payment.Captured && history[i-1] != payment.Authorised {
			wrong("captured without an authorisation: %v", history)
		}
	}
	if authorised > 1 {
		wrong("authorised %d times", authorised)
	}
	if books := s.bank.account(p.id); !s.bank.careless {
		if books.captured != doc.Captured || books.refunded != doc.Refunded {
			wrong("the provider has captured %d and refunded %d, the books say %d and %d", books.captured, books.refunded, doc.Captured, doc.Refunded)
		}
		if books.state == payment.Authorised {
			wrong("the provider still holds an authorisation of a payment that is %s", doc.State)
		}
	}
	return append(found, s.announced(p, history)...)
}

// announced holds the events to what was decided: a decision on a pending payment, and nothing else, with one id.
func (s *shop) announced(p plan, history []payment.State) (found []string) {
	var want string
	for i, state := range history[:max(len(history)-1, 0)] {
		if state == payment.Pending && history[i+1] != payment.Voided {
			want = "payment." + string(history[i+1]) + ".v1"
		}
	}
	s.world.mu.Lock()
	defer s.world.mu.Unlock()
	ids := map[string]bool{}
	for _, e := range s.events {
		if e.Subject == payment.ID(p.id) {
			ids[e.ID] = true
			if e.Type != want {
				found = append(found, fmt.Sprintf("%s: announced %s after %v", p.id, e.Type, history))
			}
		}
	}
	if len(ids) != map[bool]int{true: 1, false: 0}[want != ""] {
		found = append(found, fmt.Sprintf("%s: %d events, %q was decided, after %v", p.id, len(ids), want, history))
	}
	return found
}

func TestTheModelSeesABrokenRun(t *testing.T) {
	s := scenario{seed: 1, plans: []plan{{id: "order-0", token: sandbox.OK, fate: confirm}}}
	synctest.Test(t, func(*testing.T) {
		w := newWorld(s.seed, false)
		shop := &shop{world: w, replicas: [2]*process{w.start("a0"), w.start("b0")}}
		end := shop.live(s.plans[0])
		time.Sleep(time.Minute)
		require.Empty(t, shop.audit(s.plans[0], end))
		w.bank.accounts["order-0"].captured = 7
		assert.Len(t, shop.audit(s.plans[0], end), 1)
		assert.NotEmpty(t, shop.audit(s.plans[0], "cancelled"))
		for _, r := range shop.replicas {
			r.end()
		}
	})
}
