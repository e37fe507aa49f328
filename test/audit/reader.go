package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"

	"github.com/sidecart/sidecart/test/audit/internal/books"
)

// batch is how many orders are asked for in one call.
const batch = 100

// reader reads every service through that service's own sidecar.
type reader struct {
	http *http.Client
	// sidecars are the HTTP addresses by app id.
	sidecars map[string]string
	// token of the Dapr API, or empty.
	token string
}

// read the books of the whole shop. While it is at work the parts may be of different moments.
func (r *reader) read(ctx context.Context) (b books.Books, err error) {
	if b.Orders, err = pages(ctx, r, "order", "/orders/streams", func(p page[books.Order]) []books.Order { return p.Orders },
		func(o books.Order) string { return o.OrderID }); err != nil {
		return b, err
	}
	if b.Stocks, err = pages(ctx, r, "inventory", "/stock/list", func(p page[books.Stock]) []books.Stock { return p.Items },
		func(s books.Stock) string { return s.ProductID }); err != nil {
		return b, err
	}
	var ids []string
	for _, o := range b.Orders {
		ids = append(ids, o.OrderID)
	}
	for some := range slices.Chunk(ids, batch) {
		if err := r.about(ctx, some, &b); err != nil {
			return b, err
		}
	}
	return b, nil
}

// about adds what the other services know of some orders.
func (r *reader) about(ctx context.Context, ids []string, b *books.Books) error {
	var answer struct {
		Reservations  []books.Reservation
		Payments      []books.Payment
		Notifications []books.Notification
		Entries       []books.Snapshot
	}
	for _, source := range []struct{ app, path string }{
		{"inventory", "/reservations/query"}, {"payment", "/payments/query"}, {"notification", "/notifications/query"}, {"orderquery", "/entries/query"},
	} {
		if err := r.call(ctx, source.app, http.MethodPost, source.path, map[string][]string{"orderIds": ids}, &answer); err != nil {
			return err
		}
	}
	b.Reservations = append(b.Reservations, answer.Reservations...)
	b.Payments = append(b.Payments, answer.Payments...)
	b.Notifications = append(b.Notifications, answer.Notifications...)
	b.Entries = append(b.Entries, answer.Entries...)
	return nil
}

type page[T any] struct {
	Orders   []T
	Items    []T
	NextPage int
}

// pages reads a whole list. What is listed twice, which a list that is appended to before its
// documents are written may do, is taken once, as it was read last.
func pages[T any](ctx context.Context, r *reader, app, path string, items func(page[T]) []T, id func(T) string) ([]T, error) {
	var all []T
	at := map[string]int{}
	for number := 1; number > 0; {
		var p page[T]
		if err := r.call(ctx, app, http.MethodGet, fmt.Sprintf("%s?page=%d", path, number), nil, &p); err != nil {
			return nil, err
		}
		for _, item := range items(p) {
			if i, twice := at[id(item)]; twice {
				all[i] = item
				continue
			}
			at[id(item)] = len(all)
			all = append(all, item)
		}
		if p.NextPage != 0 && p.NextPage <= number {
			return nil, fmt.Errorf("%s%s: page %d is followed by page %d", app, path, number, p.NextPage)
		}
		number = p.NextPage
	}
	return all, nil
}

// call asks one service. A success without a body is none: a sidecar answers so for a dead app.
func (r *reader) call(ctx context.Context, app, method, path string, in, out any) error {
	var body bytes.Buffer
	if in != nil {
		if err := json.NewEncoder(&body).Encode(in); err != nil {
			return err
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, r.sidecars[app]+path, &body)
	if err != nil {
		return err
	}
	req.Header.Set("dapr-app-id", app)
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if r.token != "" {
		req.Header.Set("dapr-api-token", r.token)
	}
	res, err := r.http.Do(req)
	if err != nil {
		return fmt.Errorf("%s: %w", app, err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, 64<<20))
	if err != nil {
		return fmt.Errorf("%s%s: %w", app, path, err)
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s%s answers %d: %.300s", app, path, res.StatusCode, answer)
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return fmt.Errorf("%s%s: %w", app, path, err)
	}
	return nil
}
