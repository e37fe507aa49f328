package client

import (
	"context"
	"net/http"
	"strconv"
	"time"
)

// Notification in a customer's inbox.
type Notification struct {
	ID        string    `json:"id"`
	Kind      string    `json:"kind"`
	OrderID   string    `json:"orderId"`
	Title     string    `json:"title"`
	Body      string    `json:"body"`
	CreatedAt time.Time `json:"createdAt"`
}

// Notifications is one page of the caller's inbox, the newest first.
func (c Client) Notifications(ctx context.Context, limit int, cursor string) (Page[Notification], error) {
	return call[Page[Notification]](ctx, c, Request{Method: http.MethodGet, Path: query("/api/notifications", "limit", strconv.Itoa(limit), "cursor", cursor)})
}
