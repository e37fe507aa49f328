package dapr

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strconv"
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

// Get implements state.Store.
func (s *Store) Get(ctx context.Context, key string) (state.Item, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	read, err := s.client.GetStateWithConsistency(ctx, s.component, key, nil, client.StateConsistencyStrong)
	if err != nil {
		return state.Item{}, s.unavailable("get "+key, err)
	}
	return s.item(key, read.Value, read.Etag)
}

// chunk keeps a bulk call's messages well below the sidecar's body limit.
const chunk = 100

// GetMany implements state.Store.
func (s *Store) GetMany(ctx context.Context, keys []string) ([]state.Item, error) {
	if len(keys) == 1 {
		item, err := s.Get(ctx, keys[0])
		return []state.Item{item}, err
	}
	found := make(map[string]state.Item, len(keys))
	for from := 0; from < len(keys); from += chunk {
		if err := s.getChunk(ctx, keys[from:min(from+chunk, len(keys))], found); err != nil {
			return nil, err
		}
	}
	items := make([]state.Item, len(keys))
	for i, key := range keys {
		if items[i] = found[key]; items[i].Key == "" {
			return nil, s.unavailable("bulk get", fmt.Errorf("no answer for %s", key))
		}
	}
	return items, nil
}

func (s *Store) getChunk(ctx context.Context, keys []string, found map[string]state.Item) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	read, err := s.client.GetBulkState(ctx, s.component, keys, nil, chunk)
	if err != nil {
		return s.unavailable("bulk get", err)
	}
	for _, r := range read {
		if r.Error != "" {
			return s.unavailable("bulk get "+r.Key, errors.New(r.Error))
		}
		if found[r.Key], err = s.item(r.Key, r.Value, r.Etag); err != nil {
			return err
		}
	}
	return nil
}

// item: stores differ in what they answer for an absent document, but an ETag none has.
func (s *Store) item(key string, value []byte, etag string) (state.Item, error) {
	if etag == "" {
		return state.Item{Key: key}, nil
	}
	document, ok := unmark(value)
	if !ok {
		return state.Item{}, fmt.Errorf("dapr: %s: %s was not written by this store", s.component, key)
	}
	return state.Item{Key: key, Value: document, ETag: etag}, nil
}

// Save implements state.Store.
func (s *Store) Save(ctx context.Context, item state.Item) error {
	return s.SaveMany(ctx, []state.Item{item})[0]
}

// SaveMany implements state.Store. The sidecar writes a bulk's items one by one and names
// no culprit that could be relied on, so after an error the documents are read again to
// learn what became of each.
func (s *Store) SaveMany(ctx context.Context, items []state.Item) []error {
	errs := make([]error, len(items))
	for from := 0; from < len(items); from += chunk {
		s.saveChunk(ctx, items[from:min(from+chunk, len(items))], errs[from:])
	}
	return errs
}

func (s *Store) saveChunk(ctx context.Context, items []state.Item, errs []error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	sets := make([]*client.SetStateItem, len(items))
	keys := make([]string, len(items))
	for i, item := range items {
		sets[i], keys[i] = set(item), item.Key
	}
	cause := s.client.SaveBulkState(ctx, s.component, sets...)
	if cause == nil {
		return
	}
	if len(items) == 1 && status.Code(cause) == codes.Aborted {
		errs[0] = fmt.Errorf("%w: %s", state.ErrConflict, items[0].Key)
		return
	}
	now, err := s.client.GetBulkState(ctx, s.component, keys, nil, chunk)
	read := make(map[string]*client.BulkStateItem, len(now))
	for _, r := range now {
		read[r.Key] = r
	}
	for i, item := range items {
		r := read[item.Key]
		switch {
		case err != nil, r == nil, r.Error != "":
			errs[i] = s.unavailable("save "+item.Key, cause)
		case bytes.Equal(r.Value, sets[i].Value):
		case r.Etag == item.ETag:
			errs[i] = s.unavailable("save "+item.Key, cause)
		default:
			errs[i] = fmt.Errorf("%w: %s", state.ErrConflict, item.Key)
		}
	}
}

func set(item state.Item) *client.SetStateItem {
	options := firstWrite
	out := &client.SetStateItem{Key: item.Key, Value: mark(item.Value), Options: &options}
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
	value := make([]byte, 0, documentAt+len(document)+1)
	value = append(value, markStart...)
	value = append(value, rand.Text()...)
	value = append(value, markMiddle...)
	value = append(value, document...)
	return append(value, '}')
}

func unmark(value []byte) (document []byte, ok bool) {
	if len(value) <= documentAt || !bytes.HasPrefix(value, []byte(markStart)) || !bytes.HasSuffix(value[:documentAt], []byte(markMiddle)) {
		return nil, false
	}
	return value[documentAt : len(value)-1], true
}

// Delete implements state.Store.
func (s *Store) Delete(ctx context.Context, item state.Item) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	options := firstWrite
	err := s.client.DeleteStateWithETag(ctx, s.component, item.Key, &client.ETag{Value: item.ETag}, nil, &options)
	if err == nil {
		return nil
	}
	// Redis reports every error of a delete, a lost connection too, as a mismatch: look.
	now, readErr := s.Get(ctx, item.Key)
	if readErr != nil || now.ETag == item.ETag {
		return s.unavailable("delete "+item.Key, err)
	}
	return fmt.Errorf("%w: %s", state.ErrConflict, item.Key)
}

func (s *Store) unavailable(what string, cause error) error {
	return fmt.Errorf("%w: %s: %s: %w", state.ErrUnavailable, s.component, what, cause)
}
