package store

import (
	"context"
	"maps"
	"time"

	"github.com/sidecart/sidecart/services/internal/journal"
	"github.com/sidecart/sidecart/services/internal/state"
	"github.com/sidecart/sidecart/services/notification/internal/message"
)

// Outgoing is the queue of e-mails. Each replica goes through it by itself; the claim of
// each attempt keeps them apart. Not safe for concurrent use.
type Outgoing struct {
	notes *Notes
	// due tells when something on a full page is due, which saves reading it before; only a hint.
	due map[int64]time.Time
}

// NewOutgoing is the queue of the e-mails among notes.
func NewOutgoing(notes *Notes) *Outgoing { return &Outgoing{notes, map[int64]time.Time{}} }

// cursorKey is the document that names the first page on which there may be something to do.
const cursorKey = "outgoing-cursor"

// settled is a page's due time when nothing on it is to be done any more.
var settled = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)

// Each calls deliver for every note that is due, one after the other, and ends at its first error.
func (o *Outgoing) Each(ctx context.Context, now time.Time, deliver func(context.Context, message.Note) (message.Delivery, error)) error {
	cursor, _, err := state.Read[int64](ctx, o.notes.docs, cursorKey)
	if err != nil {
		return err
	}
	first := max(cursor, 1)
	for n := first; ; n++ {
		if !now.Before(o.due[n]) {
			page, err := o.notes.lists.Read(ctx, outgoing, n)
			if err != nil {
				return err
			}
			due, err := o.page(ctx, now, n, page.IDs, deliver)
			if err != nil {
				return err
			}
			if !page.Full() {
				break
			}
			o.due[n] = due
		}
		if n == first && o.due[n].Equal(settled) {
			first++
		}
	}
	if first <= max(cursor, 1) {
		return nil
	}
	maps.DeleteFunc(o.due, func(n int64, _ time.Time) bool { return n < first })
	_, err = state.Update(ctx, o.notes.docs, cursorKey, func(stored *int64, _ bool) (bool, error) {
		write := *stored < first
		*stored = max(*stored, first)
		return write, nil
	})
	return err
}

// unwritten is how long a note that is listed but not stored yet is waited for before the page is looked at again.
// That ends when its event is delivered again; until then the cursor stays on its page.
const unwritten = time.Minute

// page delivers what is due on a page and answers when something on it is due next.
func (o *Outgoing) page(ctx context.Context, now time.Time, n int64, ids []string, deliver func(context.Context, message.Note) (message.Delivery, error)) (time.Time, error) {
	docs, err := state.ReadMany[document](ctx, o.notes.docs, ids, noteKey)
	if err != nil {
		return now, err
	}
	next := settled
	for i, doc := range docs {
		switch {
		case doc.ID == "":
			next = earlier(next, now.Add(unwritten))
		case doc.Delivery == nil || doc.Delivery.State != message.Pending || doc.Listed != journal.At(n, i):
		case now.Before(doc.Delivery.Due):
			next = earlier(next, doc.Delivery.Due)
		default:
			delivery, err := deliver(ctx, doc.Note)
			if err != nil {
				return now, err
			}
			if delivery.State == message.Pending {
				next = earlier(next, delivery.Due)
			}
		}
	}
	return next, nil
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// Deliver changes the delivery of an e-mail and answers it as it is then; change tells whether there is anything to write.
func (n *Notes) Deliver(ctx context.Context, id string, change func(message.Delivery) (message.Delivery, bool)) (message.Delivery, error) {
	doc, err := state.Update(ctx, n.docs, noteKey(id), func(doc *document, exists bool) (bool, error) {
		if !exists || doc.Delivery == nil {
			return false, nil
		}
		next, write := change(*doc.Delivery)
		doc.Delivery = &next
		return write, nil
	})
	if err != nil || doc.Delivery == nil {
		return message.Delivery{}, err
	}
	return *doc.Delivery, nil
}
