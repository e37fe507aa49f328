package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/sidecart/sidecart/services/internal/event"
	"github.com/sidecart/sidecart/services/internal/state"
	"github.com/sidecart/sidecart/services/internal/state/statetest"
	"github.com/sidecart/sidecart/services/inventory/internal/ledger"
	"github.com/sidecart/sidecart/services/inventory/internal/stock"
)

// order is an order with what is going to become of it if its stock is reserved.
type order struct {
	ID       string
	Lines    []stock.Line
	Confirm  bool
	GiveBack bool
}

// act is something that a player does: reserve for some orders, bring one to its end, receive or sweep.
type act struct {
	What    string
	Orders  []int
	Receipt int
}

var products = []string{"ant", "bee"}

// script is everything that chance decides.
type script struct {
	orders   []order
	receipts []stock.Receipt
	players  [][]act
	seed     uint64
	mishaps  int
}

func drawScript(t *rapid.T) script {
	var s script
	chance := rapid.SampledFrom([]bool{true, true, false})
	for i := range rapid.SampledFrom([]int{1, 2, 3}).Draw(t, "orders") {
		o := order{ID: fmt.Sprintf("order-%d", i), Confirm: chance.Draw(t, "confirm"), GiveBack: chance.Draw(t, "giveBack")}
		for _, product := range rapid.SampledFrom([][]string{{"ant"}, {"bee"}, {"ant", "bee"}, {"bee", "ant"}}).Draw(t, "products") {
			o.Lines = append(o.Lines, stock.Line{ProductID: product, Quantity: rapid.Int64Range(1, 2).Draw(t, "quantity")})
		}
		s.orders = append(s.orders, o)
	}
	for i := range rapid.IntRange(1, 3).Draw(t, "receipts") {
		s.receipts = append(s.receipts, stock.Receipt{
			ID: fmt.Sprintf("receipt-%d", i), ProductID: rapid.SampledFrom(products).Draw(t, "product"), Quantity: rapid.Int64Range(1, 4).Draw(t, "received"),
		})
	}
	for range rapid.IntRange(2, 3).Draw(t, "players") {
		s.players = append(s.players, rapid.SliceOfN(rapid.Custom(func(t *rapid.T) act {
			return act{
				What:    rapid.SampledFrom([]string{"reserve", "reserve", "end", "end", "end", "receive", "sweep"}).Draw(t, "what"),
				Orders:  rapid.Permutation([]int{0, 1, 2}[:len(s.orders)]).Draw(t, "which")[:rapid.IntRange(1, len(s.orders)).Draw(t, "together")],
				Receipt: rapid.IntRange(0, len(s.receipts)-1).Draw(t, "receipt"),
			}
		}), 3, 8).Draw(t, "acts"))
	}
	s.seed = rapid.Uint64().Draw(t, "seed")
	s.mishaps = rapid.IntRange(0, 8).Draw(t, "mishaps")
	return s
}

// play is a run of a script, with what the order service would know.
type play struct {
	script
	stage *stage

	mu        sync.Mutex
	reserved  map[string]bool
	released  map[string]bool
	outcomes  map[string]ledger.Outcome
	giveBack  map[string]bool
	confirmed map[string]bool
	received  map[string]bool
	published map[string]stock.Changed
}

func newPlay(s script) *play {
	return &play{
		script: s, stage: &stage{memory: statetest.NewMemory(), asks: make(chan *ask), chance: rand.New(rand.NewPCG(s.seed, 0)), mishaps: s.mishaps},
		reserved: map[string]bool{}, released: map[string]bool{}, outcomes: map[string]ledger.Outcome{}, giveBack: map[string]bool{},
		confirmed: map[string]bool{}, received: map[string]bool{}, published: map[string]stock.Changed{},
	}
}

func (p *play) publish(_ context.Context, _ string, events ...event.Event) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, e := range events {
		level, err := event.Data[stock.Changed](e)
		if err != nil {
			return err
		}
		if level.Version > p.published[level.ProductID].Version {
			p.published[level.ProductID] = level
		}
	}
	return nil
}

func (p *play) open(store state.Store) (*ledger.Ledger, *ledger.Sweeper) {
	l := ledger.New(store, ledger.NewAnnouncer(p.publish), slog.New(slog.DiscardHandler), time.Now)
	return l, &ledger.Sweeper{Ledger: l, Outcomes: p.tell}
}

// tell is the order service's answer.
func (p *play) tell(_ context.Context, ids []string) (map[string]ledger.Outcome, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	told := map[string]ledger.Outcome{}
	for _, id := range ids {
		told[id] = p.outcomes[id]
	}
	return told, nil
}

// decide is the order service's decision on an order, taken once.
func (p *play) decide(o order) (confirmed, giveBack bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.outcomes[o.ID] == "" {
		p.outcomes[o.ID] = ledger.Cancelled
		if o.Confirm && p.reserved[o.ID] {
			p.outcomes[o.ID], p.confirmed[o.ID] = ledger.Confirmed, true
		}
		return p.confirmed[o.ID], false
	}
	if p.confirmed[o.ID] && o.GiveBack {
		p.giveBack[o.ID] = true
		p.outcomes[o.ID] = ledger.Open
	}
	return p.confirmed[o.ID], p.giveBack[o.ID]
}

// perform does one act; an error means that it has to be done again.
func (p *play) perform(a act, l *ledger.Ledger, sweeper *ledger.Sweeper) error {
	ctx := context.Background()
	switch a.What {
	case "receive":
		r := p.receipts[a.Receipt]
		p.mu.Lock()
		p.received[r.ID] = true
		p.mu.Unlock()
		return expect(l.Do(ctx, []stock.Request{receipt(r)}), stock.IsReceived)
	case "sweep":
		return sweeper.Sweep(ctx)
	case "end":
		o := p.orders[a.Orders[0]]
		confirmed, giveBack := p.decide(o)
		switch {
		case giveBack:
			return expect(l.Do(ctx, []stock.Request{request(stock.Return, o)}), stock.IsReturned)
		case confirmed:
			return expect(l.Do(ctx, []stock.Request{request(stock.Settle, o)}), stock.IsSettled)
		}
		err := expect(l.Do(ctx, []stock.Request{request(stock.Release, o)}), stock.IsReleased)
		p.mu.Lock()
		defer p.mu.Unlock()
		p.released[o.ID] = p.released[o.ID] || err == nil
		return err
	}
	return p.reserve(a, l)
}

// reserve also sees that an order that was released, and was told so, gets nothing any more.
func (p *play) reserve(a act, l *ledger.Ledger) error {
	var requests []stock.Request
	p.mu.Lock()
	released := maps.Clone(p.released)
	for _, i := range a.Orders {
		requests = append(requests, request(stock.Reserve, p.orders[i]))
	}
	p.mu.Unlock()
	answers := l.Do(context.Background(), requests)
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, answer := range answers {
		id := requests[i].OrderID
		if answer.Result != stock.IsReserved {
			continue
		}
		if p.reserved[id] = true; released[id] {
			return fmt.Errorf("%s was released and reserved after that", id)
		}
	}
	return expect(answers, stock.IsReserved, stock.IsRefused)
}

func request(kind stock.Kind, o order) stock.Request {
	return stock.Request{Kind: kind, OrderID: o.ID, Lines: o.Lines}
}

func receipt(r stock.Receipt) stock.Request {
	return stock.Request{Kind: stock.Receive, ReceiptID: r.ID, Lines: []stock.Line{{ProductID: r.ProductID, Quantity: r.Quantity}}}
}

var errUnknown = errors.New("unknown")

func expect(answers []ledger.Answer, wanted ...stock.Result) error {
	var err error
	for _, answer := range answers {
		met := false
		for _, w := range wanted {
			met = met || answer.Result == w
		}
		switch {
		case answer.Result == stock.Unknown:
			err = errors.Join(err, errUnknown)
		case !met:
			return fmt.Errorf("answered %s, wanted %v", answer.Result, wanted)
		}
	}
	return err
}

// mayRetry tells whether an act that failed this way is to be done again.
func mayRetry(err error) bool {
	return errors.Is(err, errUnknown) || errors.Is(err, state.ErrUnavailable)
}

// player does its acts one after the other, each until it is done, and starts anew when its process crashes.
func (p *play) player(acts []act) error {
	own := &process{stage: p.stage}
	l, sweeper := p.open(own)
	for _, a := range acts {
		for try := 0; ; try++ {
			err := p.perform(a, l, sweeper)
			if own.dead {
				own = &process{stage: p.stage}
				l, sweeper = p.open(own)
			}
			if err == nil {
				break
			}
			if !mayRetry(err) && a.What != "sweep" || try == 30 {
				return fmt.Errorf("%s %v: %w", a.What, a.Orders, err)
			}
		}
	}
	return nil
}

// run answers what went wrong: while the players were at it, or at rest.
func (p *play) run() error {
	ctx := context.Background()
	l, sweeper := p.open(p.stage.memory)
	if err := l.Open(ctx, products); err != nil {
		return err
	}
	if err := p.perform(act{What: "receive"}, l, sweeper); err != nil {
		return err
	}
	left := make(chan struct{})
	failures := make([]error, len(p.players))
	for i, acts := range p.players {
		go func() {
			failures[i] = p.player(acts)
			left <- struct{}{}
		}()
	}
	p.stage.direct(len(p.players), left)
	if err := errors.Join(append(failures, p.stage.broken)...); err != nil {
		return err
	}
	for i, o := range p.orders {
		for range 2 {
			if err := p.perform(act{What: "end", Orders: []int{i}}, l, sweeper); err != nil {
				return fmt.Errorf("at the end: %w", err)
			}
			if err := p.late(ctx, o, l); err != nil {
				return fmt.Errorf("late: %w", err)
			}
		}
	}
	// The second one announces what the first one tidied.
	if err := errors.Join(sweeper.Sweep(ctx), sweeper.Sweep(ctx)); err != nil {
		return err
	}
	return p.audit(ctx, l)
}

// late is a duplicate after the end: it holds nothing, nor does anything else hold for the order.
func (p *play) late(ctx context.Context, o order, l *ledger.Ledger) error {
	want := stock.IsRefused
	if p.confirmed[o.ID] && !p.giveBack[o.ID] {
		want = stock.IsReserved
	}
	for _, line := range o.Lines {
		s, _, err := l.Stock(ctx, line.ProductID)
		if _, held := s.Holds[o.ID]; held || err != nil {
			return fmt.Errorf("%s is over and holds %s (%w)", o.ID, line.ProductID, err)
		}
	}
	return expect(l.Do(ctx, []stock.Request{request(stock.Reserve, o)}), want)
}

// audit holds the books at rest to what the order service knows.
func (p *play) audit(ctx context.Context, l *ledger.Ledger) error {
	want := map[string]*stock.Stock{}
	for _, id := range products {
		want[id] = &stock.Stock{}
	}
	for _, r := range p.receipts {
		if p.received[r.ID] {
			want[r.ProductID].Received += r.Quantity
		}
	}
	for _, o := range p.orders {
		for _, line := range o.Lines {
			if p.confirmed[o.ID] {
				want[line.ProductID].Sold += line.Quantity
			}
			if p.giveBack[o.ID] {
				want[line.ProductID].Returned += line.Quantity
			}
		}
	}
	for id, w := range want {
		got, _, err := l.Stock(ctx, id)
		if err != nil {
			return err
		}
		if err := got.Check(); err != nil {
			return err
		}
		if got.Received != w.Received || got.Sold != w.Sold || got.Returned != w.Returned || len(got.Holds)+len(got.Receipts)+len(got.Returns) > 0 {
			return fmt.Errorf("books of %s: %+v, want received %d, sold %d, returned %d", id, got, w.Received, w.Sold, w.Returned)
		}
		if got.Announced != got.Version || p.published[id] != got.Level() {
			return fmt.Errorf("stock of %s: %+v, but announced was %+v", id, got, p.published[id])
		}
	}
	return nil
}

// TestAnyInterleavingLeavesExactBooks plays random scripts: two or three processes reserve, settle, release, give
// back, receive and sweep at the same time, in batches, with crashes and failures at any read and write.
func TestAnyInterleavingLeavesExactBooks(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		script := drawScript(rt)
		// One script has many courses.
		for range 10 {
			var err error
			synctest.Test(t, func(*testing.T) { err = newPlay(script).run() })
			if err != nil {
				rt.Fatal(err)
			}
			script.seed++
		}
	})
}
