package e2e

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sidecart/sidecart/test/client"
)

// The checker can fail: each kind of record is corrupted in the store underneath, and named.
func TestTheCheckerNamesWhatIsCorrupt(t *testing.T) {
	s := running
	c, p := s.customer(t), s.product(t, 700, 10)
	o := s.buy(t, c, "tok_ok", one(p, 3))
	s.checkBooks(t)
	for _, corruption := range []struct{ record, db, key, from, to, named string }{
		{"order stream", "4", "order||order-" + o.ID, `"quantity":3`, `"quantity":2`, o.ID},
		{"stock", "6", "inventory||stock-" + p.ID, `"onHand":7`, `"onHand":8`, p.ID},
		{"payment", "7", "payment||payment-" + o.ID, `2100`, `2101`, o.ID},
		{"read side", "5", "orderquery||entry-" + o.ID, `"confirmed"`, `"submitted"`, o.ID},
	} {
		t.Run(corruption.record, func(t *testing.T) {
			document := s.hget(t, corruption.db, corruption.key)
			broken := strings.ReplaceAll(document, corruption.from, corruption.to)
			require.NotEqual(t, document, broken, "nothing was corrupted: %s", document)
			s.hset(t, corruption.db, corruption.key, broken)
			out, err := s.Program(within(t, time.Minute), "audit", "-quiet", "1s", "-wait", "3s")
			s.hset(t, corruption.db, corruption.key, document)
			require.Error(t, err, out)
			require.Contains(t, out, corruption.named)
		})
	}
	t.Run("notification", func(t *testing.T) {
		key := s.confirmationOf(t, c, o)
		s.redis(t, "8", "RENAME", key, key+"-hidden")
		out, err := s.Program(within(t, time.Minute), "audit", "-quiet", "1s", "-wait", "3s")
		s.redis(t, "8", "RENAME", key+"-hidden", key)
		require.Error(t, err, out)
		require.Contains(t, out, o.ID)
	})
	s.checkBooks(t)
}

// confirmationOf is the key of the order's notification.
func (s *shop) confirmationOf(t *testing.T, c client.Client, o client.Order) string {
	inbox, err := c.Notifications(within(t, 10*time.Second), 10, "")
	require.NoError(t, err)
	for _, n := range inbox.Items {
		if n.OrderID == o.ID {
			return "notification||note-" + n.ID
		}
	}
	t.Fatal("the order has no notification")
	return ""
}

func (s *shop) hget(t *testing.T, db, key string) string {
	answer := s.redis(t, db, "HGET", key, "data")
	require.Len(t, answer, 1, key)
	return answer[0]
}

func (s *shop) hset(t *testing.T, db, key, value string) { s.redis(t, db, "HSET", key, "data", value) }

func (s *shop) redis(t *testing.T, db string, args ...string) []string {
	answer, err := s.Redis().Do(int(db[0]-'0'), args...)
	require.NoError(t, err)
	return answer
}
