//go:build conformance

package conformance

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"github.com/sidecart/sidecart/test/stack/manifest"
)

// TestPubSub tries a broker with stand-ins for the services of components/subscriptions.yaml. The
// tests of a group run at the same time, each with services of its own or none that it harms.
func TestPubSub(t *testing.T) {
	r := newRoom(t)
	features := pubsubFeatures(t)
	t.Run("a newcomer hears what was before", func(t *testing.T) { testNewcomer(t, r, features) })
	t.Run("when all is well", func(whole *testing.T) {
		for name, test := range map[string]func(*testing.T, *room, PubSub){
			"every subscriber hears every event as it was sent": testSubscribers,
			"what is published alone arrives as well":           testSingle,
			"broadcast reaches every replica":                   testBroadcast,
		} {
			whole.Run(name, func(t *testing.T) {
				t.Parallel()
				test(t, r, features)
			})
		}
	})
	t.Run("events of one subject in their order", func(t *testing.T) { testOrder(t, r, features) })
	t.Run("when something fails", func(whole *testing.T) {
		for name, test := range map[string]func(*testing.T, *room, PubSub){
			"the app is killed and away for 10 s":             testAppKilled,
			"the sidecar is killed":                           testSidecarKilled,
			"replicas share the work, and that of a dead one": testReplicas,
			"entries of a batch have answers of their own":    testMixedAnswers,
			"a topic that stands still":                       testStandstill,
		} {
			whole.Run(name, func(t *testing.T) {
				t.Parallel()
				test(t, r, features)
			})
		}
	})
}

// subscription is one document of components/subscriptions.yaml.
type subscription struct {
	Spec struct {
		PubSub string `yaml:"pubsubname"`
		Topic  string `yaml:"topic"`
	} `yaml:"spec"`
	Apps []string `yaml:"scopes"`
}

func subscriptions(t *testing.T) (all []subscription) {
	m, err := manifest.Find(".")
	require.NoError(t, err)
	file, err := os.Open(filepath.Join(m.Root, "components", "subscriptions.yaml"))
	require.NoError(t, err)
	defer file.Close()
	for decoder := yaml.NewDecoder(file); ; {
		var s subscription
		err := decoder.Decode(&s)
		if errors.Is(err, io.EOF) {
			return all
		}
		require.NoError(t, err)
		all = append(all, s)
	}
}

func testNewcomer(t *testing.T, r *room, features PubSub) {
	events := tries("users", 20, 1)
	w := r.follow(events, nil)
	r.publish(t, "users", events...)
	r.consumer(t, "notification", "users")
	if features.KeepsForNewcomers {
		w.await(t, patience, w.handled("notification"))
	} else {
		require.Empty(t, w.all(), "the table of features is out of date")
	}
}

func testSubscribers(t *testing.T, r *room, _ PubSub) {
	all := slices.DeleteFunc(subscriptions(t), func(s subscription) bool { return s.Spec.PubSub != "pubsub" })
	require.NotEmpty(t, all)
	for _, s := range all {
		for _, app := range s.Apps {
			r.consumer(t, app)
		}
	}
	for _, s := range all {
		for _, app := range s.Apps {
			r.consumer(t, app, s.Spec.Topic)
		}
		events := tries(s.Spec.Topic, 50, 4)
		w := r.follow(events, nil)
		r.publish(t, s.Spec.Topic, events...)
		for _, app := range s.Apps {
			w.await(t, patience, w.handled(app))
		}
		sent := map[string]event{}
		for _, e := range events {
			sent[e.ID] = e
		}
		for _, d := range w.all() {
			require.Equal(t, s.Spec.Topic, d.topic)
			requireSame(t, sent[d.event.ID], d.event)
		}
	}
}

func requireSame(t *testing.T, sent, got event) {
	t.Helper()
	require.JSONEq(t, string(sent.Data), string(got.Data))
	require.True(t, sent.Time.Equal(got.Time), "%s became %s", sent.Time, got.Time)
	got.Data, got.Time = sent.Data, sent.Time
	require.Equal(t, sent, got)
}

func testSingle(t *testing.T, r *room, _ PubSub) {
	c := r.consumer(t, "order", "payments")
	events := tries("payments", 20, 1)
	events[0].Data = json.RawMessage(`"` + string(slices.Repeat([]byte("x"), 256<<10)) + `"`)
	w := r.follow(events, nil)
	for _, e := range events {
		body, err := json.Marshal(e)
		require.NoError(t, err)
		status, answer, _, err := call(http.MethodPost, r.publisher.sidecar.URL+"/v1.0/publish/pubsub/payments", string(body),
			http.Header{"Content-Type": {"application/cloudevents+json"}})
		require.NoError(t, err)
		require.Equal(t, http.StatusNoContent, status, answer)
	}
	w.await(t, patience, w.handledBy(c))
	for _, d := range w.all() {
		at := slices.IndexFunc(events, func(e event) bool { return e.ID == d.event.ID })
		requireSame(t, events[at], d.event)
	}
}

func testBroadcast(t *testing.T, r *room, _ PubSub) {
	one := r.consumer(t, "product", "catalog")
	two := r.start(t, "product")
	r.hears(t, two, "catalog")
	r.hears(t, two, "stock")
	all, shared := tries("catalog", 30, 1), tries("stock", 30, 1)
	broadcast, stock := r.follow(all, nil), r.follow(shared, nil)
	r.publish(t, "catalog", all...)
	r.publish(t, "stock", shared...)
	broadcast.await(t, patience, broadcast.handledBy(one))
	broadcast.await(t, patience, broadcast.handledBy(two))
	stock.await(t, patience, stock.handled("product"))
	requireShared(t, stock, "product")
}

// requireShared: the app's replicas shared the work; few events, if any, were handled more than once.
func requireShared(t *testing.T, w *watch, app string) {
	t.Helper()
	handled := 0
	for _, d := range w.all() {
		if d.by.app == app && d.answer == success {
			handled++
		}
	}
	require.Less(t, handled, len(w.events)+len(w.events)/4, "%d events were handled %d times", len(w.events), handled)
}

func testOrder(t *testing.T, r *room, features PubSub) {
	c := r.consumer(t, "cart", "orders")
	events := tries("orders", 20, 20)
	w := r.follow(events, nil)
	for version := range 20 {
		r.publish(t, "orders", events[version*20:(version+1)*20]...)
	}
	w.await(t, patience, w.handledBy(c))
	heard, disorder := map[string]int{}, 0
	for _, d := range w.all() {
		if d.by != c {
			continue
		}
		if d.event.version() < heard[d.event.Subject] {
			disorder++
		}
		heard[d.event.Subject] = d.event.version()
	}
	t.Attr("out-of-order", fmt.Sprint(disorder))
	if features.Ordered {
		require.Zero(t, disorder, "events that came after a later one of their subject")
	}
}
