package api

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sidecart/sidecart/services/internal/event"
	"github.com/sidecart/sidecart/services/internal/state/statetest"
	"github.com/sidecart/sidecart/services/internal/subscribe"
)

func stock(t *testing.T, id string, version, available int64) event.Event {
	t.Helper()
	e, err := event.New("inventory", stockChanged, id, version, time.Now(), map[string]any{
		"productId": id, "version": version, "onHand": available + 3, "held": 3, "available": available,
	})
	require.NoError(t, err)
	return e
}

func TestAvailabilityFollowsTheStock(t *testing.T) {
	r := start(t, statetest.NewMemory())
	p := r.create(mug)
	path := "/product?id=" + p.ID
	shows := func(want availability) {
		t.Helper()
		require.Equal(t, want, read[product](t, r.call("GET", path, ""), 200).Availability)
		require.Equal(t, want, read[page](t, r.call("GET", "/products?q=mug", ""), 200).Items[0].Availability)
	}
	require.Equal(t, []string{"SUCCESS", "SUCCESS"}, r.deliver("stock", stock(t, p.ID, 2, 7), stock(t, p.ID, 1, 50)))
	shows(availability{7, true})
	require.Equal(t, []string{"SUCCESS"}, r.deliver("stock", stock(t, p.ID, 1, 50)))
	shows(availability{7, true})
	r.docs.Fault = func(string, bool) error { return errors.New("away") }
	require.Equal(t, []string{"RETRY", "RETRY"}, r.deliver("stock", stock(t, p.ID, 3, 1), stock(t, p.ID, 4, 0)))
	r.docs.Fault = nil
	require.Equal(t, []string{"SUCCESS", "SUCCESS"}, r.deliver("stock", stock(t, p.ID, 3, 1), stock(t, p.ID, 4, 0)))
	shows(availability{0, false})
	require.Zero(t, read[product](t, r.call("PATCH", path, `{"name":"Cup"}`), 200).Availability.Available)
}

// Two replicas share the store; what one writes the other finds when it hears of it.
func TestEveryReplicaHearsOfEveryProduct(t *testing.T) {
	docs := statetest.NewMemory()
	one, other := start(t, docs), start(t, docs)
	p := one.create(mug)
	require.Empty(t, read[page](t, other.call("GET", "/products?q=mug", ""), 200).Items)
	require.Equal(t, []string{"SUCCESS"}, other.deliver("catalog", one.told[0]))
	require.Equal(t, []product{p}, read[page](t, other.call("GET", "/products?q=mug", ""), 200).Items)
	one.call("PATCH", "/product?id="+p.ID, `{"name":"Cup"}`)
	one.call("PATCH", "/product?id="+p.ID, `{"retired":true}`)
	require.Equal(t, []string{"SUCCESS", "SUCCESS", "SUCCESS"}, other.deliver("catalog", one.told[2], one.told[1], one.told[0]))
	require.Empty(t, read[page](t, other.call("GET", "/products", ""), 200).Items)
	require.Empty(t, other.told, "an event is not told again")
}

func TestWhatCannotBeHandledIsParked(t *testing.T) {
	r := start(t, statetest.NewMemory())
	p := r.create(mug)
	good := stock(t, p.ID, 1, 5)
	bad := map[string]any{}
	for name, data := range map[string]string{
		"no id":             `{"version":2,"available":1}`,
		"another's":         `{"productId":"0f9d2a54-6d0e-5c9b-9a57-3c1f0d3c7a11","version":2,"available":1}`,
		"no version":        `{"productId":"` + p.ID + `","available":1}`,
		"less than nothing": `{"productId":"` + p.ID + `","version":2,"available":-1}`,
		"words":             `{"productId":"` + p.ID + `","version":"two","available":1}`,
		"null":              `null`,
	} {
		e := stock(t, p.ID, 2, 1)
		e.Data = []byte(data)
		bad[name] = e
	}
	bad["not an event"] = "hello"
	foreign := stock(t, p.ID, 2, 1)
	foreign.Type = "stock.burned.v1"
	bad["unknown type"] = foreign
	for name, e := range bad {
		require.Equal(t, []string{"SUCCESS", "SUCCESS"}, r.deliver("stock", e, good), name)
	}
	nameless := r.told[0]
	nameless.Data = []byte(`{"version":9}`)
	require.Equal(t, []string{"SUCCESS"}, r.deliver("catalog", nameless))
	require.EqualValues(t, 5, read[product](t, r.call("GET", "/product?id="+p.ID, ""), 200).Availability.Available)

	letters := read[struct{ Items []subscribe.Letter }](t, r.call("GET", "/dead-letters", ""), 200).Items
	require.Len(t, letters, len(bad)+1)
	for _, letter := range letters {
		require.NotEmpty(t, letter.Reason)
		require.Equal(t, 409, r.call("POST", "/dead-letters/replay?id="+letter.ID, "").Code)
	}
}
