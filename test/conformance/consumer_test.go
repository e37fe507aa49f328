//go:build conformance

package conformance

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sidecart/sidecart/test/stack"
)

// room is a bench with a publisher and stand-in services that consume. All last until its test ends.
type room struct {
	*stack.Bench
	book
	whole     *testing.T
	publisher *consumer

	starting sync.Mutex           // one sidecar at a time: each needs ports that are still free when it gets to them
	first    map[string]*consumer // by app, its first replica
}

// consumer is a stand-in service: a process that dies by kill -9, and its sidecar.
type consumer struct {
	app     string
	room    *room
	port    int
	inside  string // where the test serves it
	kill9   func() // ends the app
	sidecar *stack.SidecarHandle
}

func newRoom(t *testing.T) *room {
	t.Helper()
	r := &room{Bench: stack.NewBenchOn(t, stack.FromEnv()), whole: t, book: book{watches: map[string]*watch{}}, first: map[string]*consumer{}}
	r.publisher = r.start(t, "gateway")
	return r
}

// start runs a replica of an app. It does not wait for its subscriptions.
func (r *room) start(t *testing.T, app string) *consumer {
	t.Helper()
	r.starting.Lock()
	defer r.starting.Unlock()
	return r.startNow(t, app)
}

func (r *room) startNow(t *testing.T, app string) *consumer {
	t.Helper()
	c := &consumer{app: app, room: r, port: appPort(t)}
	server := httptest.NewServer(c)
	r.whole.Cleanup(server.Close)
	r.whole.Cleanup(server.CloseClientConnections)
	c.inside = server.Listener.Addr().String()
	c.startApp(t)
	r.whole.Cleanup(func() { c.kill9() })
	c.sidecar = r.Sidecar(app, c.port)
	c.sidecar.WaitReady(t)
	return c
}

// consumer is the first replica of an app, hearing the topics.
func (r *room) consumer(t *testing.T, app string, topics ...string) *consumer {
	t.Helper()
	c := r.firstOf(t, app)
	for _, topic := range topics {
		r.hears(t, c, topic)
	}
	return c
}

func (r *room) firstOf(t *testing.T, app string) *consumer {
	t.Helper()
	r.starting.Lock()
	defer r.starting.Unlock()
	if r.first[app] == nil {
		r.first[app] = r.startNow(t, app)
	}
	return r.first[app]
}

func (c *consumer) startApp(t *testing.T) {
	t.Helper()
	c.kill9 = startRelay(t, c.port, c.inside)
}

// restartSidecar runs the sidecar again after its Kill9 and waits until it serves.
func (c *consumer) restartSidecar(t *testing.T) {
	t.Helper()
	c.sidecar.Start(t)
	c.sidecar.WaitReady(t)
}

// ServeHTTP is the service itself, inside the test.
func (c *consumer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.URL.Path == "/readyz":
		_, _ = w.Write([]byte(`{}`))
	case strings.HasPrefix(r.URL.Path, "/events/"):
		if err := c.room.receive(c, w, r); err != nil {
			w.WriteHeader(http.StatusInternalServerError)
		}
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

// hears waits until that very replica gets events of the topic.
func (r *room) hears(t *testing.T, c *consumer, topic string) {
	t.Helper()
	again := time.NewTicker(300 * time.Millisecond)
	defer again.Stop()
	limit := time.NewTimer(patience)
	defer limit.Stop()
	heard := make(chan struct{})
	var once sync.Once
	for {
		// Other subjects each time, so that the replica's share is among them.
		probes := tries(topic, 10, 1)
		r.follow(probes, func(_ context.Context, d delivery) verdict {
			if d.by == c {
				once.Do(func() { close(heard) })
			}
			return success
		})
		// The broker may still be about to make the topic.
		_ = r.send(topic, probes...)
		select {
		case <-heard:
			return
		case <-limit.C:
			t.Fatalf("%s does not hear %s", c.app, topic)
		case <-again.C:
		}
	}
}
