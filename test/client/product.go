package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
)

// Product of the catalogue.
type Product struct {
	ID           string `json:"id"`
	Name         string `json:"name"`
	Description  string `json:"description"`
	Category     string `json:"category"`
	Price        Money  `json:"price"`
	Retired      bool   `json:"retired"`
	Version      int64  `json:"version"`
	Availability struct {
		Available int64 `json:"available"`
		InStock   bool  `json:"inStock"`
	} `json:"availability"`
}

// Search narrows the list of products; the zero value lists all.
type Search struct {
	Query, Category, Cursor string
	Limit                   int
}

// Products is one page of the catalogue.
func (c Client) Products(ctx context.Context, s Search) (Page[Product], error) {
	path := query("/api/products", "q", s.Query, "category", s.Category, "cursor", s.Cursor, "limit", strconv.Itoa(s.Limit))
	return call[Page[Product]](ctx, c, Request{Method: http.MethodGet, Path: path})
}

// AllProducts reads the whole catalogue.
func (c Client) AllProducts(ctx context.Context) ([]Product, error) {
	var all []Product
	for s := (Search{Limit: 100}); ; {
		page, err := c.Products(ctx, s)
		if err != nil {
			return nil, err
		}
		all = append(all, page.Items...)
		if s.Cursor = page.NextCursor; s.Cursor == "" {
			return all, nil
		}
	}
}

// Product by its id.
func (c Client) Product(ctx context.Context, id string) (Product, error) {
	return call[Product](ctx, c, Request{Method: http.MethodGet, Path: "/api/products/" + url.PathEscape(id)})
}

// NewProduct is what an administrator says of a product.
type NewProduct struct {
	Name        string `json:"name"`
	Description string `json:"description"`
	Category    string `json:"category"`
	Price       Money  `json:"price"`
}

// CreateProduct adds to the catalogue. With a key it may be repeated; key may be empty. (admin)
func (c Client) CreateProduct(ctx context.Context, key string, p NewProduct) (Product, error) {
	return call[Product](ctx, c, Request{Method: http.MethodPost, Path: "/api/products", Header: idempotency(key), Body: p})
}

// ChangeProduct sets the given fields, such as price or retired. (admin)
func (c Client) ChangeProduct(ctx context.Context, id string, fields map[string]any) (Product, error) {
	return call[Product](ctx, c, Request{Method: http.MethodPatch, Path: "/api/products/" + url.PathEscape(id), Body: fields})
}

func idempotency(key string) http.Header {
	header := http.Header{}
	if key != "" {
		header.Set("Idempotency-Key", key)
	}
	return header
}
