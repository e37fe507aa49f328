package dapr

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dapr/go-sdk/client"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/sidecart/sidecart/services/internal/state"
)

// Store is a state.Store on a Dapr state component.
type Store struct {
	client    client.Client
	component string
}

// Store returns the documents of the named state component.
func (c *Client) Store(component string) *Store { return &Store{c.grpc, component} }

// firstWrite: with the SDK's default the Redis store ignores the ETag.
var firstWrite = client.StateOptions{Concurrency: client.StateConcurrencyFirstWrite, Consistency: client.StateConsistencyStrong}

// A bulk call carries at most so many items, and so many bytes of documents: the sidecar takes and gives no larger
// messages than its maxBodySize (4 MiB in dapr.yaml).
const (
	chunk      = 100
	chunkBytes = 1 << 20
)

// chunks cuts items into bulk calls.
func chunks[T any](items []T, size func(T) int) [][]T {
	var all [][]T
	start, bytes := 0, 0
	for i, item := range items {
		if i > start && (i-start == chunk || bytes+size(item) > chunkBytes) {
			all, start, bytes = append(all, items[start:i]), i, 0
		}
		bytes += size(item)
	}
	if start < len(items) {
		all = append(all, items[start:])
	}
	return all
}

// GetMany implements state.Store. A key that Dapr reserves ("||") has no document.
func (s *Store) GetMany(ctx context.Context, keys []string) ([]state.Item, error) {
	possible := slices.DeleteFunc(slices.Clone(keys), func(key string) bool { return strings.Contains(key, "||") })
	found := make(map[string]*client.BulkStateItem, len(keys))
	for some := range slices.Chunk(possible, chunk) {
		if err := s.bulkGet(ctx, some, found); err != nil {
			return nil, err
		}
	}
	items := make([]state.Item, len(keys))
	for i, key := range keys {
		r, answered := found[key]
		if !answered && slices.Contains(possible, key) {
			return nil, s.unavailable("bulk get", fmt.Errorf("no answer for %s", key))
		}
		var err error
		if items[i], err = s.item(key, r); err != nil {
			return nil, err
		}
	}
	return items, nil
}

// bulkGet reads keys in one call, or in halves when the answer is too large for one message.
func (s *Store) bulkGet(ctx context.Context, keys []string, found map[string]*client.BulkStateItem) error {
	if len(keys) == 1 {
		read, err := s.client.GetStateWithConsistency(ctx, s.component, keys[0], nil, client.StateConsistencyStrong)
		if err != nil {
			return s.unavailable("get "+keys[0], err)
		}
		found[keys[0]] = &client.BulkStateItem{Key: keys[0], Value: read.Value, Etag: read.Etag}
		return nil
	}
	read, err := s.client.GetBulkState(ctx, s.component, keys, nil, chunk)
	if status.Code(err) == codes.ResourceExhausted {
		half := len(keys) / 2
		if err := s.bulkGet(ctx, keys[:half], found); err != nil {
			return err
		}
		return s.bulkGet(ctx, keys[half:], found)
	}
	if err != nil {
		return s.unavailable("bulk get", err)
	}
	for _, r := range read {
		if r.Error != "" {
			return s.unavailable("bulk get "+r.Key, errors.New(r.Error))
		}
		found[r.Key] = r
	}
	return nil
}

// item: stores differ in what they answer for an absent document, but an ETag none has.
func (s *Store) item(key string, r *client.BulkStateItem) (state.Item, error) {
	if r == nil || r.Etag == "" {
		return state.Item{Key: key}, nil
	}
	document, ok := unmark(r.Value)
	if !ok {
		return state.Item{}, fmt.Errorf("dapr: %s: %s was not written by this store", s.component, key)
	}
	return state.Item{Key: key, Value: document, ETag: r.Etag}, nil
}

// SaveMany implements state.Store. The sidecar writes a bulk's items one by one and names
// no culprit that could be relied on, so after an error the documents are read again to
// learn what became of each.
func (s *Store) SaveMany(ctx context.Context, items []state.Item) []error {
	errs := make([]error, 0, len(items))
	for _, some := range chunks(items, func(i state.Item) int { return len(i.Value) }) {
		errs = append(errs, s.saveChunk(ctx, some)...)
	}
	return errs
}

func (s *Store) saveChunk(ctx context.Context, items []state.Item) []error {
	errs := make([]error, len(items))
	sets := make([]*client.SetStateItem, len(items))
	keys := make([]string, len(items))
	for i, item := range items {
		sets[i], keys[i] = set(item), item.Key
	}
	cause := s.client.SaveBulkState(ctx, s.component, sets...)
	if cause == nil {
		return errs
	}
	if len(items) == 1 && status.Code(cause) == codes.Aborted {
		return []error{fmt.Errorf("%w: %s", state.ErrConflict, items[0].Key)}
	}
	read := make(map[string]*client.BulkStateItem, len(keys))
	err := s.bulkGet(ctx, keys, read)
	for i, item := range items {
		r := read[item.Key]
		switch {
		case err != nil, r == nil, r.Etag == item.ETag:
			errs[i] = s.unavailable("save "+item.Key, cause)
		case !bytes.Equal(r.Value, sets[i].Value):
			errs[i] = fmt.Errorf("%w: %s", state.ErrConflict, item.Key)
		}
	}
	return errs
}

func set(item state.Item) *client.SetStateItem {
	out := &client.SetStateItem{Key: item.Key, Value: mark(item.Value), Options: &firstWrite}
	if item.ETag != "" {
		out.Etag = &client.ETag{Value: item.ETag}
	}
	if item.TTL > 0 {
		out.Metadata = map[string]string{"ttlInSeconds": strconv.Itoa(int(item.TTL / time.Second))}
	}
	return out
}

// Every write carries a mark of its own, so that a writer whose answer was lost can tell its
// write from another one of the same content. A stored document is {"mark":"…","document":…}.
const (
	markStart  = `{"mark":"`
	markMiddle = `","document":`
	markLength = 26
	documentAt = len(markStart) + markLength + len(markMiddle)
)

func mark(document []byte) []byte {
	return slices.Concat([]byte(markStart+rand.Text()+markMiddle), document, []byte{'}'})
}

func unmark(value []byte) (document []byte, ok bool) {
	if len(value) <= documentAt || !bytes.HasPrefix(value, []byte(markStart)) || !bytes.HasSuffix(value[:documentAt], []byte(markMiddle)) {
		return nil, false
	}
	return value[documentAt : len(value)-1], true
}

func (s *Store) unavailable(what string, cause error) error {
	return fmt.Errorf("%w: %s: %s: %w", state.ErrUnavailable, s.component, what, cause)
}
