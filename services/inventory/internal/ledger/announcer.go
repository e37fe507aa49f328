package ledger

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/sidecart/sidecart/services/internal/event"
	"github.com/sidecart/sidecart/services/inventory/internal/stock"
)

// Topic is where stock.changed.v1 is published.
const Topic = "stock"

// Source is the service's app id.
const Source = "inventory"

// publishTogether bounds one call to the broker.
const publishTogether = 100

// Publish hands events to the broker and returns when it has them.
type Publish func(ctx context.Context, topic string, events ...event.Event) error

// Announcer publishes the latest state of products that changed, however often they did
// since the last time. What it keeps is a hint: a stock document tells by its versions whether its last
// change was announced, and the sweep finds those that were not. Safe for concurrent use.
type Announcer struct {
	publish Publish

	mu        sync.Mutex
	waiting   map[string]level
	announced map[string]int64
}

type level struct {
	stock.Changed
	at time.Time
}

// NewAnnouncer announces by publish.
func NewAnnouncer(publish Publish) *Announcer {
	return &Announcer{publish: publish, waiting: map[string]level{}, announced: map[string]int64{}}
}

// Note has a stock, as it was written, announced by the next Flush.
func (a *Announcer) Note(s *stock.Stock) { a.note(level{s.Level(), s.Updated}) }

func (a *Announcer) note(l level) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if l.Version > a.announced[l.ProductID] && l.Version > a.waiting[l.ProductID].Version {
		a.waiting[l.ProductID] = l
	}
}

// Announced is the product's last version that this process has published; 0 when none.
func (a *Announcer) Announced(productID string) int64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.announced[productID]
}

// Flush publishes what waits. After an error it waits still.
func (a *Announcer) Flush(ctx context.Context) error {
	a.mu.Lock()
	levels := make([]level, 0, len(a.waiting))
	for _, l := range a.waiting {
		levels = append(levels, l)
	}
	a.mu.Unlock()
	for chunk := range slices.Chunk(levels, publishTogether) {
		events := make([]event.Event, len(chunk))
		for i, l := range chunk {
			e, err := event.New(Source, stock.ChangedType, l.ProductID, l.Version, l.at, l.Changed)
			if err != nil {
				return err
			}
			events[i] = e
		}
		if err := a.publish(ctx, Topic, events...); err != nil {
			return err
		}
		a.done(chunk)
	}
	return nil
}

func (a *Announcer) done(levels []level) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, l := range levels {
		a.announced[l.ProductID] = max(a.announced[l.ProductID], l.Version)
		if a.waiting[l.ProductID].Version <= l.Version {
			delete(a.waiting, l.ProductID)
		}
	}
}
