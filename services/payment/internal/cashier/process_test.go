package cashier_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sidecart/sidecart/services/internal/event"
	"github.com/sidecart/sidecart/services/internal/money"
	"github.com/sidecart/sidecart/services/internal/state"
	"github.com/sidecart/sidecart/services/internal/state/statetest"
	"github.com/sidecart/sidecart/services/payment/internal/cashier"
	"github.com/sidecart/sidecart/services/payment/internal/payment"
	"github.com/sidecart/sidecart/services/payment/internal/store"
)

// world is what processes share and what outlives them.
type world struct {
	chance *chance
	docs   *statetest.Memory
	bank   *bank

	mu sync.Mutex
	// written is every state that each payment was ever in.
	written map[string][]payment.State
	// published counts events by id.
	published map[string]int
	events    []event.Event
	outcomes  map[string]string
}

func newWorld(seed uint64, careless bool) *world {
	c := newChance(seed)
	return &world{
		chance: c, docs: statetest.NewMemory(), bank: newBank(c, careless),
		written: map[string][]payment.State{}, published: map[string]int{}, outcomes: map[string]string{},
	}
}

func (w *world) setOutcome(order, outcome string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.outcomes[order] = outcome
}

// process is one replica of the service. Once dead, nothing that it does has an effect, and
// what it had under way it never learns about.
type process struct {
	*world
	name    string
	dead    atomic.Bool
	cashier *cashier.Cashier
	stop    context.CancelFunc
	ended   chan struct{}
}

var settings = cashier.Settings{Budget: 300 * time.Millisecond, Timeout: 5 * time.Second, Grace: 30 * time.Second}

func (w *world) start(name string) *process {
	p := &process{world: w, name: name, ended: make(chan struct{})}
	p.cashier = &cashier.Cashier{
		Payments: store.New(p), Provider: (*mortalBank)(p), Events: p, Orders: p, Log: slog.New(slog.DiscardHandler), Settings: settings,
	}
	ctx, stop := context.WithCancel(context.Background())
	p.stop = stop
	go func() {
		defer close(p.ended)
		p.cashier.SweepEvery(ctx, p.cashier.Payments.Walk(), 5*time.Second)
	}()
	return p
}

// kill is kill -9.
func (p *process) kill() { p.dead.Store(true); p.end() }

func (p *process) end() {
	p.stop()
	p.cashier.Close()
	<-p.ended
}

// travel is a way to or from somebody else.
func (p *process) travel(what string) error {
	time.Sleep(p.chance.delay(p.name + what))
	if p.dead.Load() {
		return fmt.Errorf("%w: %w", state.ErrUnavailable, errDead)
	}
	return nil
}

func (p *process) Get(ctx context.Context, key string) (state.Item, error) {
	if err := p.travel("get" + key); err != nil {
		return state.Item{}, err
	}
	item, err := p.docs.Get(ctx, key)
	if lost := p.travel("got" + key); lost != nil {
		return state.Item{}, lost
	}
	return item, err
}

func (p *process) GetMany(ctx context.Context, keys []string) ([]state.Item, error) {
	items := make([]state.Item, len(keys))
	for i, key := range keys {
		var err error
		if items[i], err = p.Get(ctx, key); err != nil {
			return nil, err
		}
	}
	return items, nil
}

func (p *process) Save(ctx context.Context, item state.Item) error {
	if err := p.travel("save" + item.Key); err != nil {
		return err
	}
	err := p.docs.Save(ctx, item)
	if err == nil && strings.HasPrefix(item.Key, "payment-") {
		doc, decodeErr := state.Decode[payment.Payment](item)
		if decodeErr != nil {
			return decodeErr
		}
		p.mu.Lock()
		p.written[doc.OrderID] = append(p.written[doc.OrderID], doc.State)
		p.mu.Unlock()
	}
	// A store can lose its answer as well.
	if p.chance.below(30, p.name+"lose"+item.Key) == 0 {
		return fmt.Errorf("%w: %w", state.ErrUnavailable, errNetwork)
	}
	if lost := p.travel("saved" + item.Key); lost != nil {
		return lost
	}
	return err
}

func (p *process) SaveMany(ctx context.Context, items []state.Item) []error {
	errs := make([]error, len(items))
	for i, item := range items {
		errs[i] = p.Save(ctx, item)
	}
	return errs
}

func (p *process) Delete(context.Context, state.Item) error { return errNetwork }

func (p *process) Publish(_ context.Context, topic string, events ...event.Event) error {
	if err := p.travel("publish"); err != nil {
		return err
	}
	p.mu.Lock()
	for _, e := range events {
		p.published[e.ID]++
		p.events = append(p.events, e)
	}
	p.mu.Unlock()
	if topic != "payments" {
		return fmt.Errorf("topic %s", topic)
	}
	return p.travel("published")
}

func (p *process) Outcomes(_ context.Context, orderIDs []string) (map[string]string, error) {
	if err := p.travel("outcomes"); err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	outcomes := map[string]string{}
	for _, id := range orderIDs {
		outcomes[id] = p.outcomes[id]
	}
	return outcomes, nil
}

// mortalBank is the bank as a process sees it.
type mortalBank process

func (m *mortalBank) call(ctx context.Context, do func(context.Context) error) error {
	p := (*process)(m)
	if p.dead.Load() {
		return errDead
	}
	err := do(ctx)
	if p.dead.Load() {
		return errDead
	}
	return err
}

func (m *mortalBank) Authorise(ctx context.Context, key string, amount money.Money, token string) (a payment.Answer, err error) {
	err = m.call(ctx, func(ctx context.Context) error {
		a, err = m.bank.Authorise(ctx, key, amount, token)
		return err
	})
	return a, err
}

func (m *mortalBank) Capture(ctx context.Context, key, ref string) error {
	return m.call(ctx, func(ctx context.Context) error { return m.bank.Capture(ctx, key, ref) })
}

func (m *mortalBank) Void(ctx context.Context, key, ref string) error {
	return m.call(ctx, func(ctx context.Context) error { return m.bank.Void(ctx, key, ref) })
}

func (m *mortalBank) Refund(ctx context.Context, key, ref string) error {
	return m.call(ctx, func(ctx context.Context) error { return m.bank.Refund(ctx, key, ref) })
}

// states answers what a payment was in, one after the other, without repetitions.
func (w *world) states(order string) []payment.State {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Compact(slices.Clone(w.written[order]))
}
