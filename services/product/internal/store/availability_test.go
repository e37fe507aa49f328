package store

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/sidecart/sidecart/services/internal/state/statetest"
)

// However the words of the inventory come, in whatever batches, by whatever replica, with
// failures that are delivered again: at the end the newest stands, and on the way none goes back.
func TestTheNewestAvailabilityStands(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		docs := statetest.NewMemory()
		products := open(docs, &broker{})
		newest := map[string]int64{}
		var queue []Stock
		for i := range rapid.IntRange(1, 40).Draw(t, "words") {
			id := fmt.Sprint(rapid.IntRange(0, 4).Draw(t, "product"))
			newest[id]++
			queue = append(queue, Stock{id, Availability{newest[id], int64(i)}})
		}
		want := map[string]Availability{}
		for _, s := range queue {
			want[s.ProductID] = s.Availability
		}
		queue = rapid.Permutation(append(queue, queue[:len(queue)/3]...)).Draw(t, "order")
		faults := rapid.SliceOfN(rapid.IntRange(0, 3), 30, 30).Draw(t, "faults")
		docs.Fault = func(string, bool) error {
			if len(faults) == 0 {
				return nil
			}
			fail := faults[0] == 0
			faults = faults[1:]
			if fail {
				return errors.New("away")
			}
			return nil
		}
		known := map[string]int64{}
		for len(queue) > 0 {
			n := rapid.IntRange(1, len(queue)).Draw(t, "together")
			errs := products.Record(t.Context(), queue[:n])
			var again []Stock
			for i, err := range errs {
				if err != nil {
					again = append(again, queue[i])
				}
			}
			queue = append(queue[n:], again...)
			fault := docs.Fault
			docs.Fault = nil
			for id := range want {
				now, err := products.Availabilities(t.Context(), []string{id})
				require.NoError(t, err)
				require.GreaterOrEqual(t, now[0].Version, known[id])
				known[id] = now[0].Version
			}
			docs.Fault = fault
		}
		docs.Fault = nil
		for id, availability := range want {
			now, err := products.Availabilities(t.Context(), []string{id, "never-heard-of"})
			require.NoError(t, err)
			require.Equal(t, []Availability{availability, {}}, now)
		}
	})
}

// Another replica writes between the read and the write of this one.
func TestAvailabilityUnderContention(t *testing.T) {
	for _, other := range []int64{1, 3} {
		docs := statetest.NewMemory()
		products := open(docs, &broker{})
		interfered := false
		docs.Fault = func(key string, applied bool) error {
			if key == "" || applied || interfered {
				return nil
			}
			interfered = true
			return errors.Join(products.Record(t.Context(), []Stock{{"mug", Availability{other, 10 * other}}})...)
		}
		require.Equal(t, []error{nil}, products.Record(t.Context(), []Stock{{"mug", Availability{2, 20}}}))
		now, err := products.Availabilities(t.Context(), []string{"mug"})
		require.NoError(t, err)
		require.Equal(t, Availability{max(other, 2), 10 * max(other, 2)}, now[0])
	}
}
