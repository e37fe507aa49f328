package api

import (
	"context"
	"errors"
	"net/http"
	"unicode/utf8"

	"github.com/sidecart/sidecart/services/internal/problem"
	"github.com/sidecart/sidecart/services/product/internal/catalogue"
	"github.com/sidecart/sidecart/services/product/internal/search"
)

// Products in a page: what is given without a limit, and the most.
const (
	standardLimit = 20
	maxLimit      = 100
)

// maxQuery is the longest text to search for, in characters.
const maxQuery = 200

// page is a part of a list; nextCursor is left out at its end.
type page struct {
	Items      []product `json:"items"`
	NextCursor string    `json:"nextCursor,omitempty"`
}

func (s *Server) listProducts(w http.ResponseWriter, r *http.Request) error {
	query, err := parseQuery(r)
	if err != nil {
		return err
	}
	if !s.index.IsComplete() {
		return problem.New(problem.Unavailable, "the catalogue is still being read, try again")
	}
	found, err := s.index.Page(query)
	if errors.Is(err, search.ErrCursor) {
		return problem.InField(problem.InvalidParameter, "cursor", "is not one that a page of this list ended with")
	}
	if err != nil {
		return err
	}
	items, err := s.withAvailability(r.Context(), found.Products)
	if err != nil {
		return err
	}
	return problem.WriteJSON(w, http.StatusOK, page{items, found.Next})
}

func parseQuery(r *http.Request) (q search.Query, err error) {
	if q.Limit, err = problem.Limit(r, standardLimit, maxLimit); err != nil {
		return q, err
	}
	values := r.URL.Query()
	q.Text, q.Category, q.Cursor = values.Get("q"), values.Get("category"), values.Get("cursor")
	if utf8.RuneCountInString(q.Text) > maxQuery {
		return q, problem.InField(problem.InvalidParameter, "q", "must have at most %d characters", maxQuery)
	}
	if q.Category != "" && !catalogue.Slug(q.Category) {
		return q, problem.InField(problem.InvalidParameter, "category", "must be small letters and digits, in words joined by hyphens")
	}
	return q, nil
}

func (s *Server) withAvailability(ctx context.Context, products []catalogue.Product) ([]product, error) {
	ids := make([]string, len(products))
	for i, p := range products {
		ids[i] = p.ID
	}
	available, err := s.products.Availabilities(ctx, ids)
	if err != nil {
		return nil, err
	}
	items := make([]product, len(products))
	for i, p := range products {
		items[i] = show(p, available[i])
	}
	return items, nil
}
