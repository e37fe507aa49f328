package access

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/sidecart/sidecart/services/internal/event"
	"github.com/sidecart/sidecart/services/internal/state"
	"github.com/sidecart/sidecart/services/user/internal/account"
)

// ErrRegistered: the e-mail address has an account.
var ErrRegistered = errors.New("access: e-mail address is registered")

// Register makes a customer's account.
//
// Errors: *account.InvalidError, ErrRegistered, state.ErrUnavailable, after which the account may exist.
func (a *Accounts) Register(ctx context.Context, r account.Registration, now time.Time) (account.Account, error) {
	return a.register(ctx, r, account.Customer, now)
}

// register writes three documents, and can die between any two of them:
// the claim, which alone decides who gets the address; the journal, so that the sweep finds
// the account; the account with its event. A claim whose account is missing is completed,
// under its id, by whoever registers the address next.
func (a *Accounts) register(ctx context.Context, r account.Registration, role string, now time.Time) (account.Account, error) {
	ctx, cancel := context.WithTimeout(ctx, registering)
	defer cancel()
	r, err := r.Check()
	if err != nil {
		return account.Account{}, err
	}
	// Looked up first, as a hash is dear.
	if _, exists, err := a.byEmail(ctx, r.Email); err != nil || exists {
		return account.Account{}, errors.Join(err, when(exists, ErrRegistered))
	}
	who := account.Account{Email: r.Email, Name: r.Name, Role: role, CreatedAt: now.UTC().Truncate(time.Millisecond)}
	if who.PasswordHash, err = a.hasher.Hash(ctx, r.Password); err != nil {
		return account.Account{}, err
	}
	if who.ID, err = a.claim(ctx, r.Email); err != nil {
		return account.Account{}, err
	}
	if err := a.list.Append(ctx, who.ID); err != nil {
		return account.Account{}, err
	}
	return who, a.create(ctx, who)
}

// claim answers the id of the user that the address belongs to from now on.
func (a *Accounts) claim(ctx context.Context, email string) (string, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return "", err
	}
	owner, err := state.Update(ctx, a.store, claimKey(email), func(c *claim, exists bool) (bool, error) {
		if exists {
			return false, nil
		}
		c.UserID = id.String()
		return true, nil
	})
	return owner.UserID, err
}

// create writes the account unless it exists. That its event is not published yet is no
// failure: it lies in the document, and the sweep takes it from there.
func (a *Accounts) create(ctx context.Context, who account.Account) error {
	told, err := registered(who)
	if err != nil {
		return err
	}
	doc := document{who, []event.Event{told}}
	value, err := json.Marshal(doc)
	if err != nil {
		return err
	}
	err = a.store.SaveMany(ctx, []state.Item{{Key: userKey(who.ID), Value: value}})[0]
	if errors.Is(err, state.ErrConflict) {
		return ErrRegistered
	}
	if err != nil {
		return err
	}
	if err := a.publish(ctx, doc); err != nil {
		a.log.WarnContext(ctx, "registration is published later", "userId", who.ID, "error", err)
	}
	return nil
}

func when(condition bool, err error) error {
	if condition {
		return err
	}
	return nil
}
