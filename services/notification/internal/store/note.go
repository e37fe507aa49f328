// Package store keeps messages, the inboxes that list them and the queue of e-mails.
package store

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/sidecart/sidecart/services/internal/journal"
	"github.com/sidecart/sidecart/services/internal/state"
	"github.com/sidecart/sidecart/services/notification/internal/message"
)

// Notes keeps every note, and lists them: those of the inbox by customer, those to be e-mailed
// in one queue. Safe for concurrent use, also by several processes.
type Notes struct {
	docs  state.Store
	lists journal.Lists
}

// NewNotes keeps notes in the service's store.
func NewNotes(docs state.Store) *Notes { return &Notes{docs, journal.Lists{Store: docs}} }

// document is a note's document.
type document struct {
	message.Note
	// Listed is the note's place in its inbox or in the queue.
	Listed journal.Place `json:"listed"`
	// Delivery of an e-mail.
	Delivery *message.Delivery `json:"delivery,omitempty"`
}

// outgoing is the list of the notes to be e-mailed.
const outgoing = "outgoing"

func noteKey(id string) string           { return "note-" + id }
func inboxList(customerID string) string { return "inbox-" + customerID }

// Keep stores the notes that are not stored yet and answers an error (or nil) for each:
// state.ErrUnavailable or state.ErrConflict, after which it is to be kept again.
func (n *Notes) Keep(ctx context.Context, notes []message.Note) []error {
	failed := map[string]error{}
	if err := n.keep(ctx, notes, failed); err != nil {
		for _, note := range notes {
			failed[note.ID] = err
		}
	}
	errs := make([]error, len(notes))
	for i, note := range notes {
		errs[i] = failed[note.ID]
	}
	return errs
}

func (n *Notes) keep(ctx context.Context, notes []message.Note, failed map[string]error) error {
	seen := map[string]bool{}
	var distinct []message.Note
	var keys []string
	for _, note := range notes {
		if !seen[note.ID] {
			seen[note.ID] = true
			distinct, keys = append(distinct, note), append(keys, noteKey(note.ID))
		}
	}
	items, err := n.docs.GetMany(ctx, keys)
	if err != nil {
		return err
	}
	var absent []message.Note
	var additions []journal.Addition
	for i, item := range items {
		if note := distinct[i]; !item.Exists() {
			list := inboxList(note.CustomerID)
			if note.Channel == message.Email {
				list = outgoing
			}
			absent, additions = append(absent, note), append(additions, journal.Addition{List: list, ID: note.ID})
		}
	}
	var writes []state.Item
	var written []message.Note
	places, errs := n.lists.Append(ctx, additions)
	for i, note := range absent {
		value, err := encode(note, places[i])
		if err = errors.Join(errs[i], err); err != nil {
			failed[note.ID] = err
			continue
		}
		writes, written = append(writes, state.Item{Key: noteKey(note.ID), Value: value}), append(written, note)
	}
	for i, err := range n.docs.SaveMany(ctx, writes) {
		// A conflict: it is stored by now. It follows from the event alone, so it is the same.
		if err != nil && !errors.Is(err, state.ErrConflict) {
			failed[written[i].ID] = err
		}
	}
	return nil
}

func encode(note message.Note, place journal.Place) ([]byte, error) {
	doc := document{Note: note, Listed: place}
	if note.Channel == message.Email {
		doc.Delivery = &message.Delivery{State: message.Pending}
	}
	return json.Marshal(doc)
}

// Find answers the notes, of any kind and channel, that there are about the orders.
func (n *Notes) Find(ctx context.Context, orderIDs []string) ([]message.Note, error) {
	var ids []string
	for _, orderID := range orderIDs {
		for _, kind := range message.OrderKinds {
			for _, channel := range message.Channels {
				ids = append(ids, message.ID(kind, orderID, channel))
			}
		}
	}
	docs, err := state.ReadMany[document](ctx, n.docs, ids, noteKey)
	found := []message.Note{}
	for _, doc := range docs {
		if doc.ID != "" {
			found = append(found, doc.Note)
		}
	}
	return found, err
}

// Newest answers up to most notes of a customer's inbox that are listed before a place, the newest first, and the
// place to go on before, which is empty at the end. Errors: journal.ErrPlace, state.ErrUnavailable.
func (n *Notes) Newest(ctx context.Context, customerID string, before journal.Place, most int) ([]message.Note, journal.Place, error) {
	found, next, err := journal.Newest(ctx, n.lists, inboxList(customerID), before, most, noteKey, func(d document) journal.Place { return d.Listed })
	notes := make([]message.Note, len(found))
	for i, doc := range found {
		notes[i] = doc.Note
	}
	return notes, next, err
}
