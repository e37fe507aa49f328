package access

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/sidecart/sidecart/services/internal/state"
	"github.com/sidecart/sidecart/services/user/internal/account"
	"github.com/sidecart/sidecart/services/user/internal/secret"
	"github.com/sidecart/sidecart/services/user/internal/session"
)

// Grant is what somebody gets who signed in or refreshed.
type Grant struct {
	Account account.Account
	Session string
	Refresh secret.Text
}

// Sessions keeps each session as one document, which expires. Safe for concurrent use, also
// by several processes.
type Sessions struct {
	store    state.Store
	accounts *Accounts
}

// NewSessions keeps sessions in the service's store.
func NewSessions(store state.Store, accounts *Accounts) *Sessions { return &Sessions{store, accounts} }

func sessionKey(id string) string { return "session-" + id }

// newSecret answers 256 random bits.
func newSecret() secret.Text {
	raw := make([]byte, 32)
	_, _ = rand.Read(raw) // never fails, see crypto/rand
	return secret.Text(base64.RawURLEncoding.EncodeToString(raw))
}

// Open begins a session of an account that has authenticated. Error: state.ErrUnavailable.
func (s *Sessions) Open(ctx context.Context, who account.Account, now time.Time) (Grant, error) {
	token := session.Token{Session: uuid.NewString(), Generation: 1, Secret: newSecret()}
	value, err := json.Marshal(session.Begin(who.ID, who.Credential, token.Secret, now))
	if err != nil {
		return Grant{}, err
	}
	item := state.Item{Key: sessionKey(token.Session), Value: value, TTL: session.Lifetime}
	return Grant{who, token.Session, token.Text()}, s.store.SaveMany(ctx, []state.Item{item})[0]
}

// Refresh takes a refresh token and gives the next one.
//
// Errors: session.ErrReuse, after which the session is revoked; session.ErrEnded;
// state.ErrUnavailable, after which the token may be used up, so that showing it again is a reuse.
func (s *Sessions) Refresh(ctx context.Context, text secret.Text, now time.Time) (Grant, error) {
	token, err := session.ParseToken(text)
	if err != nil {
		return Grant{}, err
	}
	// The account is read before the token is used up: no failure should cost the session.
	family, exists, err := state.Read[session.Family](ctx, s.store, sessionKey(token.Session))
	if err != nil {
		return Grant{}, err
	}
	if !exists {
		return Grant{}, session.ErrEnded
	}
	who, exists, err := s.accounts.Get(ctx, family.UserID)
	if err != nil {
		return Grant{}, err
	}
	if !exists || who.Credential != family.Credential {
		return Grant{}, session.ErrEnded
	}
	next := newSecret()
	family, err = s.rotate(ctx, token, next, now)
	if err != nil {
		return Grant{}, err
	}
	token.Generation, token.Secret = family.Generation, next
	return Grant{who, token.Session, token.Text()}, nil
}

func (s *Sessions) rotate(ctx context.Context, token session.Token, next secret.Text, now time.Time) (session.Family, error) {
	var outcome error
	family, err := state.UpdateTTL(ctx, s.store, sessionKey(token.Session), session.Lifetime, func(f *session.Family, _ bool) (bool, error) {
		*f, outcome = f.Rotate(token, next, now)
		return !errors.Is(outcome, session.ErrEnded), nil
	})
	if err != nil {
		return family, err
	}
	return family, outcome
}

// Revoke ends a session. Error: state.ErrUnavailable.
func (s *Sessions) Revoke(ctx context.Context, id string) error {
	_, err := state.UpdateTTL(ctx, s.store, sessionKey(id), session.Lifetime, func(f *session.Family, exists bool) (bool, error) {
		write := exists && !f.Revoked
		f.Revoked = true
		return write, nil
	})
	return err
}
