package dapr_test

import (
	"encoding/json"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/sidecart/sidecart/services/internal/dapr"
	"github.com/sidecart/sidecart/services/internal/event"
	"github.com/sidecart/sidecart/services/internal/problem"
	"github.com/sidecart/sidecart/services/internal/state"
	"github.com/sidecart/sidecart/services/internal/state/statetest"
	"github.com/sidecart/sidecart/test/stack"
)

// app is a service as plain as can be, beside a real sidecar.
type app struct {
	mu       sync.Mutex
	received []event.Event
	answer   http.HandlerFunc
}

func (a *app) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/readyz":
		_, _ = w.Write([]byte(`{}`))
	case "/dapr/subscribe", "/dapr/config":
		w.WriteHeader(http.StatusNotFound)
	case "/events/checkout", "/events/payments", "/events/catalog":
		a.receive(w, r)
	default:
		a.answer(w, r)
	}
}

func (a *app) receive(w http.ResponseWriter, r *http.Request) {
	var bulk struct {
		Entries []struct {
			EntryID string      `json:"entryId"`
			Event   event.Event `json:"event"`
		} `json:"entries"`
	}
	type status struct {
		EntryID string `json:"entryId"`
		Status  string `json:"status"`
	}
	if err := json.NewDecoder(r.Body).Decode(&bulk); err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	statuses := []status{}
	for _, e := range bulk.Entries {
		a.received = append(a.received, e.Event)
		statuses = append(statuses, status{e.EntryID, "SUCCESS"})
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"statuses": statuses})
}

func start(t *testing.T) (*dapr.Client, *app) {
	a := &app{}
	port := stack.FreePort(t)
	server := &http.Server{Addr: "127.0.0.1:" + strconv.Itoa(port), Handler: a, ReadHeaderTimeout: time.Second}
	go func() { _ = server.ListenAndServe() }()
	t.Cleanup(func() { _ = server.Close() })
	sidecar := stack.Sidecar(t, "order", port)
	sidecar.WaitReady(t)
	getenv := sidecar.Getenv(nil)
	client, err := dapr.Dial("127.0.0.1", getenv("DAPR_HTTP_PORT"), getenv("DAPR_GRPC_PORT"), "")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, client.Close()) })
	require.Eventually(t, func() bool { return client.Ready(t.Context()) == nil }, 20*time.Second, 20*time.Millisecond)
	return client, a
}

func TestOnARealSidecar(t *testing.T) {
	client, a := start(t)
	store := client.Store("order-state")
	t.Run("state", func(t *testing.T) { statetest.Run(t, store) })
	t.Run("a document ends after its TTL", func(t *testing.T) {
		key := "ttl-" + uuid.NewString()
		require.NoError(t, store.SaveMany(t.Context(), []state.Item{{Key: key, Value: []byte(`1`), TTL: time.Second}})[0])
		require.Eventually(t, func() bool {
			items, err := store.GetMany(t.Context(), []string{key})
			return err == nil && !items[0].Exists()
		}, 10*time.Second, 50*time.Millisecond)
	})
	t.Run("published events arrive as they were", func(t *testing.T) {
		var want []event.Event
		for i := range 250 {
			e, err := event.New("order", "order.submitted.v1", uuid.NewString(), int64(i), time.Now(), map[string]int{"n": i})
			require.NoError(t, err)
			want = append(want, e)
		}
		require.NoError(t, client.Publish(t.Context(), "checkout", want...))
		require.NoError(t, client.Publish(t.Context(), "checkout"), "nothing to publish")
		require.Eventually(t, func() bool {
			a.mu.Lock()
			defer a.mu.Unlock()
			return len(a.received) >= len(want)
		}, 20*time.Second, 20*time.Millisecond)
		got := map[string]event.Event{}
		for _, e := range a.received {
			got[e.ID] = e
		}
		for _, e := range want {
			require.JSONEq(t, string(e.Data), string(got[e.ID].Data))
			require.Equal(t, []string{e.Type, e.Source, e.Subject}, []string{got[e.ID].Type, got[e.ID].Source, got[e.ID].Subject})
		}
	})
	t.Run("batches larger than the sidecar's limit", func(t *testing.T) { tryLarge(t, client, store) })
	t.Run("a key that Dapr reserves has no document", func(t *testing.T) {
		item, err := store.GetMany(t.Context(), []string{"a||b"})
		require.NoError(t, err)
		require.False(t, item[0].Exists())
	})
	t.Run("invocation takes no empty answer for a success", func(t *testing.T) { tryInvocation(t, client, a) })
}

func tryInvocation(t *testing.T, client *dapr.Client, a *app) {
	var out struct{ N int }
	call := func() error {
		return client.Invoke(t.Context(), dapr.Call{App: "order", Method: http.MethodPost, Path: "/ask?id=1", In: map[string]int{"n": 1}, Out: &out})
	}
	a.answer = func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte(`{"n":7}`)) }
	require.NoError(t, call())
	require.Equal(t, 7, out.N)
	a.answer = func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusOK) }
	require.ErrorIs(t, call(), state.ErrUnavailable)
	a.answer = func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusInternalServerError) }
	require.ErrorIs(t, call(), state.ErrUnavailable)
	a.answer = func(w http.ResponseWriter, r *http.Request) {
		problem.Write(w, problem.InField(problem.UnknownProduct, "items[0].productId", "none"))
	}
	var refused *problem.Error
	require.ErrorAs(t, call(), &refused)
	require.Equal(t, problem.UnknownProduct, refused.Code)
	require.Equal(t, "items[0].productId", refused.Fields[0].Field)
}
