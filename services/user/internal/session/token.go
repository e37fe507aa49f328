package session

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/sidecart/sidecart/services/user/internal/secret"
)

// Token is a refresh token: "<session>.<generation>.<secret>".
type Token struct {
	Session    string
	Generation int64
	Secret     secret.Text
}

// Text is the token as its holder keeps it.
func (t Token) Text() secret.Text {
	return secret.Text(fmt.Sprintf("%s.%d.%s", t.Session, t.Generation, t.Secret.Reveal()))
}

// ParseToken reads a token; ErrEnded when it cannot be one of ours.
func ParseToken(text secret.Text) (Token, error) {
	parts := strings.Split(text.Reveal(), ".")
	if len(parts) != 3 || parts[2] == "" {
		return Token{}, ErrEnded
	}
	id, err := uuid.Parse(parts[0])
	if err != nil || id.String() != parts[0] {
		return Token{}, ErrEnded
	}
	generation, err := strconv.ParseInt(parts[1], 10, 64)
	if err != nil {
		return Token{}, ErrEnded
	}
	return Token{parts[0], generation, secret.Text(parts[2])}, nil
}
