package mail

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/sidecart/sidecart/services/internal/dapr"
	"github.com/sidecart/sidecart/services/internal/problem"
)

// Users asks the user service through the sidecar.
type Users struct{ Sidecar *dapr.Client }

// Address implements Contacts.
func (u Users) Address(ctx context.Context, customerID string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 4*time.Second)
	defer cancel()
	var contact struct {
		Email string `json:"email"`
	}
	err := u.Sidecar.Invoke(ctx, dapr.Call{App: "user", Method: http.MethodGet, Path: "/user/contact?id=" + url.QueryEscape(customerID), Out: &contact})
	if refused := (*problem.Error)(nil); errors.As(err, &refused) && refused.Code == problem.NotFound {
		return "", ErrNoAddress
	}
	return contact.Email, err
}
