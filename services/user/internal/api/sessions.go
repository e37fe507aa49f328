package api

import (
	"errors"
	"net/http"
	"time"

	"github.com/sidecart/sidecart/services/internal/auth"
	"github.com/sidecart/sidecart/services/internal/problem"
	"github.com/sidecart/sidecart/services/user/internal/access"
	"github.com/sidecart/sidecart/services/user/internal/secret"
	"github.com/sidecart/sidecart/services/user/internal/session"
)

func (s *Server) signIn(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		Email    string      `json:"email"`
		Password secret.Text `json:"password"`
	}
	if err := problem.Decode(w, r, &body); err != nil {
		return err
	}
	switch {
	case body.Email == "":
		return problem.InField(problem.Invalid, "email", "is required")
	case body.Password == "":
		return problem.InField(problem.Invalid, "password", "is required")
	}
	who, err := s.Accounts.Authenticate(r.Context(), body.Email, body.Password)
	if errors.Is(err, access.ErrCredentials) {
		return problem.New(problem.Unauthenticated, "e-mail address or password is wrong")
	}
	if err != nil {
		return err
	}
	grant, err := s.Sessions.Open(r.Context(), who, time.Now())
	if err != nil {
		return err
	}
	return s.writeGrant(w, grant)
}

func (s *Server) refresh(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		RefreshToken secret.Text `json:"refreshToken"`
	}
	if err := problem.Decode(w, r, &body); err != nil {
		return err
	}
	if body.RefreshToken == "" {
		return problem.InField(problem.Invalid, "refreshToken", "is required")
	}
	grant, err := s.Sessions.Refresh(r.Context(), body.RefreshToken, time.Now())
	if errors.Is(err, session.ErrReuse) || errors.Is(err, session.ErrEnded) {
		// The same answer for both: a thief need not know that he was noticed.
		return problem.New(problem.Unauthenticated, "the session has ended, sign in again")
	}
	if err != nil {
		return err
	}
	return s.writeGrant(w, grant)
}

// signOut ends the session. Its access tokens stay good until they expire, as services check them without asking.
func (s *Server) signOut(w http.ResponseWriter, r *http.Request) error {
	if err := s.Sessions.Revoke(r.Context(), auth.From(r.Context()).Session); err != nil {
		return err
	}
	return problem.WriteJSON(w, http.StatusOK, map[string]bool{"signedOut": true})
}

func (s *Server) writeGrant(w http.ResponseWriter, grant access.Grant) error {
	token, err := s.Issuer.Issue(grant.Account.ID, grant.Account.Role, grant.Session, time.Now())
	if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "no-store")
	return problem.WriteJSON(w, http.StatusOK, struct {
		AccessToken  secret.Text `json:"accessToken"`
		RefreshToken secret.Text `json:"refreshToken"`
		ExpiresIn    int64       `json:"expiresIn"`
	}{token, grant.Refresh, int64(s.Issuer.Lifetime() / time.Second)})
}
