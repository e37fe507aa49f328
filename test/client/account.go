package client

import (
	"context"
	"net/http"
	"time"
)

// User is an account.
type User struct {
	ID        string    `json:"id"`
	Email     string    `json:"email"`
	Name      string    `json:"name"`
	Role      string    `json:"role"`
	CreatedAt time.Time `json:"createdAt"`
}

// Tokens of a session; ExpiresIn is the access token's life in seconds.
type Tokens struct {
	AccessToken  string `json:"accessToken"`
	RefreshToken string `json:"refreshToken"`
	ExpiresIn    int    `json:"expiresIn"`
}

// Register opens a customer's account.
func (c Client) Register(ctx context.Context, email, password, name string) (User, error) {
	body := map[string]string{"email": email, "password": password, "name": name}
	return call[User](ctx, c, Request{Method: http.MethodPost, Path: "/api/users", Body: body})
}

// Me is the caller's account.
func (c Client) Me(ctx context.Context) (User, error) {
	return call[User](ctx, c, Request{Method: http.MethodGet, Path: "/api/users/me"})
}

// SignIn opens a session.
func (c Client) SignIn(ctx context.Context, email, password string) (Tokens, error) {
	body := map[string]string{"email": email, "password": password}
	return call[Tokens](ctx, c, Request{Method: http.MethodPost, Path: "/api/sessions", Body: body})
}

// Refresh spends a refresh token on new tokens.
func (c Client) Refresh(ctx context.Context, refreshToken string) (Tokens, error) {
	body := map[string]string{"refreshToken": refreshToken}
	return call[Tokens](ctx, c, Request{Method: http.MethodPost, Path: "/api/sessions/refresh", Body: body})
}

// SignOut ends the caller's session.
func (c Client) SignOut(ctx context.Context) error {
	_, _, err := c.Do(ctx, Request{Method: http.MethodDelete, Path: "/api/sessions"}, nil)
	return err
}

// SignedIn opens a session and answers the client that calls in it.
func (c Client) SignedIn(ctx context.Context, email, password string) (Client, error) {
	tokens, err := c.SignIn(ctx, email, password)
	return c.As(tokens.AccessToken), err
}

// NewCustomer registers an account and signs it in.
func (c Client) NewCustomer(ctx context.Context, email, password, name string) (Client, User, error) {
	user, err := c.Register(ctx, email, password, name)
	if err != nil {
		return c, user, err
	}
	customer, err := c.SignedIn(ctx, email, password)
	return customer, user, err
}
