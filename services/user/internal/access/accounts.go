// Package access keeps accounts and sessions as documents, and says who may come in.
package access

import (
	"context"
	"log/slog"
	"time"

	"github.com/sidecart/sidecart/services/internal/event"
	"github.com/sidecart/sidecart/services/internal/journal"
	"github.com/sidecart/sidecart/services/internal/state"
	"github.com/sidecart/sidecart/services/user/internal/account"
	"github.com/sidecart/sidecart/services/user/internal/password"
)

// Publisher hands events to the broker; after an error any of them may have arrived.
type Publisher interface {
	Publish(ctx context.Context, topic string, events ...event.Event) error
}

// Accounts keeps each user as one document, found by id, and for each e-mail address a
// claim that names the user. Safe for concurrent use, also by several processes.
type Accounts struct {
	store  state.Store
	list   *journal.Journal
	events Publisher
	hasher *password.Hasher
	log    *slog.Logger
}

// NewAccounts keeps accounts in the service's store.
func NewAccounts(store state.Store, events Publisher, hasher *password.Hasher, log *slog.Logger) *Accounts {
	return &Accounts{store, journal.New(store, "users"), events, hasher, log}
}

// claim gives an e-mail address to one user, before that user's document exists.
type claim struct {
	UserID string `json:"userId"`
}

// document is an account with its events that are not known to be published.
type document struct {
	account.Account
	Outbox []event.Event `json:"outbox,omitempty"`
}

func claimKey(email string) string { return "email-" + account.Fingerprint(email) }
func userKey(id string) string     { return "user-" + id }

// Get reads an account and tells whether there is one.
func (a *Accounts) Get(ctx context.Context, id string) (account.Account, bool, error) {
	doc, exists, err := state.Read[document](ctx, a.store, userKey(id))
	return doc.Account, exists, err
}

// byEmail answers the account that an e-mail address belongs to, if there is one. A claim
// without an account, which a crash can leave behind, is none. It reads two documents in
// any case, so that its time does not tell.
func (a *Accounts) byEmail(ctx context.Context, email string) (account.Account, bool, error) {
	claim, _, err := state.Read[claim](ctx, a.store, claimKey(email))
	if err != nil {
		return account.Account{}, false, err
	}
	return a.Get(ctx, claim.UserID)
}

func registered(who account.Account) (event.Event, error) {
	return event.New("user", account.RegisteredV1, who.ID, 1, who.CreatedAt, account.Registered{UserID: who.ID, Version: 1})
}

// change alters an account, if there is one and it wants to be altered.
func (a *Accounts) change(ctx context.Context, id string, change func(*account.Account) bool) error {
	_, err := state.Update(ctx, a.store, userKey(id), func(doc *document, exists bool) (bool, error) {
		return exists && change(&doc.Account), nil
	})
	return err
}

// registering bounds a registration: what a page of the journal names is written, or never will be, soon after.
const registering = 30 * time.Second
