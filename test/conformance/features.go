//go:build conformance

// Package conformance is what every pair of engines must pass, against real sidecars with the real
// components on engines of its own:
//
//	STATE=postgres PUBSUB=kafka go test -race ./test/conformance
//
// Not all engines are alike. Where they differ and the services get along with either, the
// difference is written down here as a feature, and the suite fails when an engine is otherwise.
package conformance

import "time"

// State is how a state engine differs from others under the same component API.
type State struct {
	// Refusal is the sidecar's HTTP status for a create of a document that exists. Only 409 tells
	// a caller that it was a conflict; after any other it has to look.
	Refusal int
	// Resurrects: a write with the ETag of a document that was deleted meanwhile makes it again.
	Resurrects bool
	// ReusesETags: a document that is deleted and made again goes through the same ETags.
	ReusesETags bool
	// RefusesDeleteOfAbsent: a delete with an ETag fails when there is no such document.
	RefusesDeleteOfAbsent bool
	// KeepsExpiry: a write without a TTL leaves an earlier TTL in force.
	KeepsExpiry bool
	// EarlyBy is how much sooner than its TTL says a document can end.
	EarlyBy time.Duration
	// Server: there is a server that can go away without the sidecar.
	Server bool
}

// PubSub is how a broker differs from others under the same component API.
type PubSub struct {
	// Ordered: a consumer that stands alone hears the events of one subject in the order of publishing.
	Ordered bool
	// StopsOthers: while one topic stands still, so do the same service's other topics.
	StopsOthers bool
	// KeepsForNewcomers: a service hears what was published before it subscribed for the first time.
	KeepsForNewcomers bool
	// Takeover is the longest after the kill -9 of a replica until others have what it was working on.
	Takeover time.Duration
	// LosesUnconfirmed: what is being published at the moment in which the broker dies can be
	// acknowledged and lost, one event per sidecar.
	LosesUnconfirmed bool
}

// States are the state engines by the name that STATE takes.
var States = map[string]State{
	"redis":    {Refusal: 500, Resurrects: true, ReusesETags: true, KeepsExpiry: true, Server: true},
	"postgres": {Refusal: 500, RefusesDeleteOfAbsent: true, Server: true},
	"sqlite":   {Refusal: 409, RefusesDeleteOfAbsent: true, EarlyBy: time.Second},
}

// PubSubs are the brokers by the name that PUBSUB takes.
var PubSubs = map[string]PubSub{
	"redis":    {KeepsForNewcomers: true, Takeover: 25 * time.Second},
	"kafka":    {Ordered: true, StopsOthers: true, KeepsForNewcomers: true, Takeover: 20 * time.Second},
	"rabbitmq": {KeepsForNewcomers: true, Takeover: 10 * time.Second, LosesUnconfirmed: true},
}
