package session_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/sidecart/sidecart/services/user/internal/secret"
	"github.com/sidecart/sidecart/services/user/internal/session"
)

var epoch = time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)

// Owner and thief hold tokens of one family; the thief copies the owner's at any moment.
// Whatever the order in which they refresh: never are two tokens good at once, and as soon
// as the second of the two uses a copied token, nothing is good any more.
func TestAStolenTokenIsDetectedWhateverTheInterleaving(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		id := uuid.NewString()
		issued := []session.Token{{Session: id, Generation: 1, Secret: "secret-1"}}
		used := map[int64]bool{}
		family := session.Begin("user", 0, "secret-1", epoch)
		holders := map[string]session.Token{"owner": issued[0]}
		now, detected := epoch, false

		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			now = now.Add(time.Minute)
			who := rapid.SampledFrom([]string{"owner", "thief", "steals"}).Draw(t, "who")
			if who == "steals" {
				holders["thief"] = holders["owner"]
				continue
			}
			token, holds := holders[who]
			if !holds {
				continue
			}
			next := session.Token{Session: id, Generation: token.Generation + 1, Secret: secret.Text(fmt.Sprintf("secret-%d-%s", token.Generation+1, who))}
			rotated, err := family.Rotate(token, next.Secret, now)
			switch {
			case detected:
				require.ErrorIs(t, err, session.ErrEnded)
			case used[token.Generation]:
				require.ErrorIs(t, err, session.ErrReuse)
				require.True(t, rotated.Revoked)
				detected = true
			default:
				require.NoError(t, err)
				used[token.Generation] = true
				issued = append(issued, next)
				holders[who] = next
			}
			family = rotated

			good := 0
			for _, token := range issued {
				if _, err := family.Rotate(token, "other", now); err == nil {
					good++
				}
			}
			require.LessOrEqual(t, good, 1)
			require.Equal(t, detected, good == 0)
		}
	})
}

func TestMadeUpTokensEndTheSession(t *testing.T) {
	family := session.Begin("user", 0, "right", epoch)
	for _, token := range []session.Token{{Generation: 1, Secret: "wrong"}, {Generation: 2, Secret: "right"}, {Generation: 0, Secret: "right"}} {
		after, err := family.Rotate(token, "next", epoch)
		require.ErrorIs(t, err, session.ErrReuse)
		require.False(t, after.Live(epoch))
	}
}

func TestASessionEndsWhenItIsNotRefreshed(t *testing.T) {
	family := session.Begin("user", 0, "one", epoch)
	last := epoch.Add(session.Lifetime - time.Second)
	_, err := family.Rotate(session.Token{Generation: 1, Secret: "one"}, "two", epoch.Add(session.Lifetime))
	require.ErrorIs(t, err, session.ErrEnded)
	after, err := family.Rotate(session.Token{Generation: 1, Secret: "one"}, "two", last)
	require.NoError(t, err)
	require.True(t, after.Live(epoch.Add(session.Lifetime)))
}

func TestTokensReadBackAndNothingElseDoes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		token := session.Token{
			Session:    uuid.NewString(),
			Generation: rapid.Int64Range(1, 1<<40).Draw(t, "generation"),
			Secret:     secret.Text(rapid.StringMatching(`[A-Za-z0-9_-]{43}`).Draw(t, "secret")),
		}
		read, err := session.ParseToken(token.Text())
		require.NoError(t, err)
		require.Equal(t, token, read)
	})
	id := uuid.NewString()
	for _, text := range []string{"", "..", id, id + ".1", id + ".1.", id + ".x.secret", "user-1.1.secret", id + ".1.secret.more", "{" + id + "}.1.secret"} {
		_, err := session.ParseToken(secret.Text(text))
		require.ErrorIs(t, err, session.ErrEnded, text)
	}
}
