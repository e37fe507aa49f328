package dapr

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/dapr/go-sdk/client"

	"github.com/sidecart/sidecart/services/internal/event"
)

func publishEntries(ctx context.Context, events []event.Event) ([]any, error) {
	entries := make([]any, len(events))
	for i, e := range events {
		body, err := json.Marshal(e.Inject(ctx))
		if err != nil {
			return nil, fmt.Errorf("dapr: encode %s: %w", e.Type, err)
		}
		// The subject as partition key keeps one aggregate's events in order on brokers that know partitions.
		entries[i] = client.PublishEventsEvent{
			EntryID: strconv.Itoa(i), Data: body, ContentType: "application/cloudevents+json",
			Metadata: map[string]string{"partitionKey": e.Subject},
		}
	}
	return entries, nil
}
