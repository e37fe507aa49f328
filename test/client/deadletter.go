package client

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"time"
)

// DeadLetter is an event that a service could not handle.
type DeadLetter struct {
	ID       string          `json:"id"`
	Topic    string          `json:"topic"`
	Reason   string          `json:"reason"`
	Event    json.RawMessage `json:"event"`
	ParkedAt time.Time       `json:"parkedAt"`
}

// DeadLetters of one service. (admin)
func (c Client) DeadLetters(ctx context.Context, service string) ([]DeadLetter, error) {
	page, err := call[Page[DeadLetter]](ctx, c, Request{Method: http.MethodGet, Path: query("/api/admin/dead-letters", "service", service)})
	return page.Items, err
}

// ReplayDeadLetter lets the service handle it again. (admin)
func (c Client) ReplayDeadLetter(ctx context.Context, service, id string) error {
	path := query("/api/admin/dead-letters/"+url.PathEscape(id)+"/replay", "service", service)
	_, _, err := c.Do(ctx, Request{Method: http.MethodPost, Path: path}, nil)
	return err
}
