package api

import (
	"errors"
	"net/http"
	"time"

	"github.com/sidecart/sidecart/services/internal/auth"
	"github.com/sidecart/sidecart/services/internal/problem"
	"github.com/sidecart/sidecart/services/user/internal/access"
	"github.com/sidecart/sidecart/services/user/internal/account"
	"github.com/sidecart/sidecart/services/user/internal/secret"
)

type profile struct {
	ID        string    `json:"id"`
	Email     string    `json:"email"`
	Name      string    `json:"name"`
	Role      string    `json:"role"`
	CreatedAt time.Time `json:"createdAt"`
}

func profileOf(who account.Account) profile {
	return profile{who.ID, who.Email, who.Name, who.Role, who.CreatedAt}
}

func (s *Server) register(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		Email    string      `json:"email"`
		Password secret.Text `json:"password"`
		Name     string      `json:"name"`
	}
	if err := problem.Decode(w, r, &body); err != nil {
		return err
	}
	who, err := s.Accounts.Register(r.Context(), account.Registration{Email: body.Email, Name: body.Name, Password: body.Password}, time.Now())
	var invalid *account.InvalidError
	switch {
	case errors.As(err, &invalid):
		return problem.InField(problem.Invalid, invalid.Field, "%s", invalid.Message)
	case errors.Is(err, access.ErrRegistered):
		return problem.InField(problem.Conflict, "email", "is registered already")
	case err != nil:
		return err
	}
	return problem.WriteJSON(w, http.StatusCreated, profileOf(who))
}

func (s *Server) profile(w http.ResponseWriter, r *http.Request) error {
	who, err := s.find(r, auth.From(r.Context()).Subject)
	if err != nil {
		return err
	}
	return problem.WriteJSON(w, http.StatusOK, profileOf(who))
}

// contact tells other services how to reach a user; events carry no such thing.
func (s *Server) contact(w http.ResponseWriter, r *http.Request) error {
	id := r.URL.Query().Get("id")
	if id == "" {
		return problem.InField(problem.InvalidParameter, "id", "is required")
	}
	who, err := s.find(r, id)
	if err != nil {
		return err
	}
	return problem.WriteJSON(w, http.StatusOK, struct {
		ID    string `json:"id"`
		Email string `json:"email"`
		Name  string `json:"name"`
	}{who.ID, who.Email, who.Name})
}

func (s *Server) find(r *http.Request, id string) (account.Account, error) {
	who, exists, err := s.Accounts.Get(r.Context(), id)
	if err == nil && !exists {
		err = problem.New(problem.NotFound, "no such user")
	}
	return who, err
}
