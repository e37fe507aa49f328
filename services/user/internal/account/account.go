// Package account is who may use the shop, and what a registration must look like.
package account

import (
	"crypto/sha256"
	"encoding/hex"
	"net/mail"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/sidecart/sidecart/services/user/internal/secret"
)

// Roles. Everybody registers as a customer; the one administrator comes from the secret store.
const (
	Customer = "customer"
	Admin    = "admin"
)

// RegisteredV1 is the type of the event that tells of a new account.
const RegisteredV1 = "user.registered.v1"

// Registered is the data of RegisteredV1: no e-mail and no name, who needs them asks for them.
type Registered struct {
	UserID  string `json:"userId"`
	Version int64  `json:"version"`
}

// Account is one user.
type Account struct {
	ID           string      `json:"id"`
	Email        string      `json:"email"`
	Name         string      `json:"name"`
	Role         string      `json:"role"`
	PasswordHash secret.Text `json:"passwordHash"`
	// Credential counts how often the password was replaced. Sessions that were opened with
	// an earlier one end at their next refresh.
	Credential int64     `json:"credential"`
	CreatedAt  time.Time `json:"createdAt"`
}

// Registration is what somebody tells of themselves.
type Registration struct {
	Email    string
	Name     string
	Password secret.Text
}

// Limits of a registration; characters, unless they say bytes.
const (
	maxEmailBytes    = 254 // RFC 5321 §4.5.3.1.3: a path of 256 with its brackets
	minPassword      = 8   // NIST SP 800-63B §5.1.1.2
	maxPassword      = 128
	maxPasswordBytes = 512
	maxName          = 100
)

// InvalidError names the field of a registration that cannot be accepted.
type InvalidError struct{ Field, Message string }

func (e *InvalidError) Error() string { return e.Field + ": " + e.Message }

// Check answers the registration as it is to be kept, without white space around name and
// e-mail, or an *InvalidError.
func (r Registration) Check() (Registration, error) {
	r.Email, r.Name = strings.TrimSpace(r.Email), strings.TrimSpace(r.Name)
	if !validEmail(r.Email) {
		return r, &InvalidError{"email", "must be an e-mail address of at most 254 bytes"}
	}
	password := r.Password.Reveal()
	if n := utf8.RuneCountInString(password); n < minPassword || n > maxPassword || len(password) > maxPasswordBytes {
		return r, &InvalidError{"password", "must have 8 to 128 characters and at most 512 bytes"}
	}
	// Control characters would let a name write headers into e-mails.
	if n := utf8.RuneCountInString(r.Name); n < 1 || n > maxName || strings.ContainsFunc(r.Name, unicode.IsControl) {
		return r, &InvalidError{"name", "must have 1 to 100 characters and no control characters"}
	}
	return r, nil
}

// validEmail accepts a bare addr-spec (RFC 5322 §3.4.1), not one with a display name.
func validEmail(email string) bool {
	parsed, err := mail.ParseAddress(email)
	return err == nil && len(email) <= maxEmailBytes && parsed.Name == "" && parsed.Address == email
}

// Fingerprint identifies an e-mail address without showing it: whoever differs only in
// case or surrounding space is the same user.
func Fingerprint(email string) string {
	sum := sha256.Sum256([]byte(strings.ToLower(strings.TrimSpace(email))))
	return hex.EncodeToString(sum[:])
}
