//go:build conformance

package conformance

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

// event is a CloudEvent in its JSON format, as the services send it.
type event struct {
	SpecVersion string          `json:"specversion"`
	ID          string          `json:"id"`
	Type        string          `json:"type"`
	Source      string          `json:"source"`
	Subject     string          `json:"subject"`
	Time        time.Time       `json:"time"`
	ContentType string          `json:"datacontenttype"`
	Data        json.RawMessage `json:"data"`
}

// version is in the data.
func (e event) version() int {
	var data struct{ Version int }
	_ = json.Unmarshal(e.Data, &data) // the test made it
	return data.Version
}

// tries makes events: so many subjects, so many versions of each, the versions in their order.
func tries(topic string, subjects, versions int) []event {
	run := uuid.NewString()[:8]
	var events []event
	for version := 1; version <= versions; version++ {
		for subject := range subjects {
			events = append(events, event{
				SpecVersion: "1.0", ID: uuid.NewString(), Type: topic + ".tried.v1", Source: "/services/conformance",
				Subject: topic + "-" + run + "-" + strconv.Itoa(subject), Time: time.Now().UTC(), ContentType: "application/json",
				Data: fmt.Appendf(nil, `{"version":%d,"text":"<&> \"é😀\"","large":9007199254740991}`, version),
			})
		}
	}
	return events
}

// send publishes events in one bulk call, as the services do. nil: the sidecar says that the broker has them all.
func (r *room) send(topic string, events ...event) error {
	type entry struct {
		ID          string            `json:"entryId"`
		Event       event             `json:"event"`
		ContentType string            `json:"contentType"`
		Metadata    map[string]string `json:"metadata"`
	}
	entries := make([]entry, len(events))
	for i, e := range events {
		entries[i] = entry{strconv.Itoa(i), e, "application/cloudevents+json", map[string]string{"partitionKey": e.Subject}}
	}
	body, err := json.Marshal(entries)
	if err != nil {
		return err
	}
	status, answer, _, err := call(http.MethodPost, r.publisher.sidecar.URL+"/v1.0-alpha1/publish/bulk/pubsub/"+topic, string(body), nil)
	if err == nil && status != http.StatusNoContent {
		err = fmt.Errorf("publishing is answered with %d: %.300s", status, answer)
	}
	return err
}

// publish sends events and requires that the broker has them. A few at a time: some brokers write
// each to disk before they take the next, and all have to do it within the sidecar's 3 s.
func (r *room) publish(t *testing.T, topic string, events ...event) {
	t.Helper()
	for some := range slices.Chunk(events, 20) {
		require.NoError(t, r.send(topic, some...))
	}
}
