//go:build conformance

package conformance

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

const orderState = "order-state"

func key() string { return "conformance-" + uuid.NewString() }

// TestState tries a store through two sidecars, as the replicas of a service use it.
func TestState(t *testing.T) {
	features := stateFeatures(t)
	r := newRoom(t)
	one, two := r.start(t, "order"), r.start(t, "order")
	s, other := storeOf(one, orderState), storeOf(two, orderState)

	t.Run("a second create is refused", func(t *testing.T) {
		k := key()
		require.Equal(t, http.StatusNoContent, s.save(t, k, `1`, ""))
		require.Equal(t, features.Refusal, s.save(t, k, `2`, ""))
		require.Equal(t, features.Refusal, other.save(t, k, `2`, ""))
		status, document, _ := s.get(t, k)
		require.Equal(t, http.StatusOK, status)
		require.Equal(t, `1`, document)
	})
	t.Run("a stale ETag is refused", func(t *testing.T) {
		k := key()
		require.Equal(t, http.StatusNoContent, s.save(t, k, `1`, ""))
		_, _, etag := s.get(t, k)
		require.Equal(t, http.StatusNoContent, other.save(t, k, `2`, etag))
		require.Equal(t, http.StatusConflict, s.save(t, k, `3`, etag))
		require.Equal(t, http.StatusConflict, s.delete(t, k, etag))
		_, document, _ := s.get(t, k)
		require.Equal(t, `2`, document)
	})
	t.Run("deletes with its ETag", func(t *testing.T) { testDelete(t, s, features) })
	t.Run("of concurrent writers exactly one wins", func(t *testing.T) { testRace(t, s, other) })
	t.Run("documents come back as they were", func(t *testing.T) {
		for _, document := range []string{
			`{"html":"<&>","quoted":"\"\\\/","escaped":"\u00e9\u2028\ud83d\ude00","plain":"é😀","order":1,"b":2,"a":3}`,
			`{"large":9007199254740993,"precise":1.10,"exponent":1e300}`, `""`, `[]`, `"'; DROP TABLE state; --"`, `"` + strings.Repeat("x", 1<<20) + `"`,
		} {
			k := key()
			require.Equal(t, http.StatusNoContent, s.save(t, k, document, ""))
			_, read, _ := other.get(t, k)
			require.JSONEq(t, document, read)
		}
	})
	t.Run("documents end", func(t *testing.T) { testExpiry(t, s, features) })
	t.Run("another service's documents are out of reach", func(t *testing.T) {
		status, _, _ := storeOf(r.start(t, "cart"), orderState).get(t, key())
		require.Equal(t, http.StatusBadRequest, status)
	})
}

func testDelete(t *testing.T, s store, features State) {
	k := key()
	require.Equal(t, http.StatusNoContent, s.delete(t, k, ""), "what is not there, without an ETag")
	require.Equal(t, http.StatusNoContent, s.save(t, k, `1`, ""))
	_, _, first := s.get(t, k)
	require.Equal(t, http.StatusNoContent, s.delete(t, k, first))
	status, _, _ := s.get(t, k)
	require.Equal(t, http.StatusNoContent, status)
	status = s.delete(t, k, first)
	require.Equal(t, features.RefusesDeleteOfAbsent, status == http.StatusConflict, "a second delete is answered with %d", status)
	status = s.save(t, k, `2`, first)
	require.Equal(t, features.Resurrects, status == http.StatusNoContent, "a write with the ETag of what is gone is answered with %d", status)

	k = key()
	require.Equal(t, http.StatusNoContent, s.save(t, k, `1`, ""))
	_, _, first = s.get(t, k)
	require.Equal(t, http.StatusNoContent, s.delete(t, k, first))
	require.Equal(t, http.StatusNoContent, s.save(t, k, `1`, ""))
	_, _, second := s.get(t, k)
	require.Equal(t, features.ReusesETags, first == second, "%s, and in the second life %s", first, second)
}

// testRace has writers on both sidecars create, and then change, one document.
func testRace(t *testing.T, stores ...store) {
	for range 10 {
		k, etag := key(), ""
		for range 2 {
			statuses, errs := make([]int, 8), make([]error, 8)
			var writers sync.WaitGroup
			for i := range statuses {
				writers.Go(func() { statuses[i], errs[i] = stores[i%len(stores)].trySave(k, fmt.Sprint(i), etag, "") })
			}
			writers.Wait()
			winner := -1
			for i, status := range statuses {
				require.NoError(t, errs[i])
				if status == http.StatusNoContent {
					require.Negative(t, winner, "two writers won")
					winner = i
				}
			}
			require.GreaterOrEqual(t, winner, 0, "no writer won: %v", statuses)
			var document string
			_, document, etag = stores[0].get(t, k)
			require.Equal(t, fmt.Sprint(winner), document)
		}
	}
}

func testExpiry(t *testing.T, s store, features State) {
	const ttl = 3 * time.Second
	ends, kept := key(), key()
	s.saveFor(t, ttl, kept, `1`)
	_, _, etag := s.get(t, kept)
	require.Equal(t, http.StatusNoContent, s.save(t, kept, `2`, etag), "now without a TTL")
	begun := time.Now()
	s.saveFor(t, ttl, ends, `1`)
	written := time.Now()
	var gone time.Time
	require.Eventually(t, func() bool {
		status, _, _ := s.get(t, ends)
		gone = time.Now()
		return status == http.StatusNoContent
	}, ttl+2*time.Second, 20*time.Millisecond)
	require.GreaterOrEqual(t, gone.Sub(written), ttl-features.EarlyBy-100*time.Millisecond, "it ended too soon")
	require.LessOrEqual(t, gone.Sub(begun), ttl+2*time.Second, "it ended too late")
	require.Equal(t, http.StatusNoContent, s.save(t, ends, `2`, ""), "it can be created anew")
	_, document, _ := s.get(t, ends)
	require.Equal(t, `2`, document)
	status, _, _ := s.get(t, kept)
	require.Equal(t, features.KeepsExpiry, status == http.StatusNoContent, "after a write without a TTL: %d", status)
}
