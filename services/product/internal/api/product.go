package api

import (
	"context"
	"errors"
	"log/slog"
	"net/http"

	"github.com/google/uuid"

	"github.com/sidecart/sidecart/services/internal/problem"
	"github.com/sidecart/sidecart/services/product/internal/catalogue"
	"github.com/sidecart/sidecart/services/product/internal/store"
)

// product is a product as clients see it.
type product struct {
	catalogue.Product
	Availability availability `json:"availability"`
}

type availability struct {
	Available int64 `json:"available"`
	InStock   bool  `json:"inStock"`
}

func show(p catalogue.Product, a store.Availability) product {
	return product{p, availability{a.Available, a.Available > 0}}
}

func (s *Server) createProduct(w http.ResponseWriter, r *http.Request) error {
	var idempotencyKey string
	if r.Header.Get("Idempotency-Key") != "" {
		var err error
		if idempotencyKey, err = problem.IdempotencyKey(r); err != nil {
			return err
		}
	}
	var draft catalogue.Draft
	if err := problem.Decode(w, r, &draft); err != nil {
		return err
	}
	created, fresh, err := s.products.Create(r.Context(), idempotencyKey, draft)
	if err != nil {
		return refusal(err)
	}
	s.indexOwn(r.Context(), created)
	if fresh { // Of what is new the inventory has nothing.
		return problem.WriteJSON(w, http.StatusCreated, show(created, store.Availability{}))
	}
	return s.answer(w, r, created)
}

func (s *Server) changeProduct(w http.ResponseWriter, r *http.Request) error {
	id, err := productID(r)
	if err != nil {
		return err
	}
	var change catalogue.Change
	if err := problem.Decode(w, r, &change); err != nil {
		return err
	}
	changed, err := s.products.Change(r.Context(), id, change)
	if err != nil {
		return refusal(err)
	}
	s.indexOwn(r.Context(), changed)
	return s.answer(w, r, changed)
}

func (s *Server) showProduct(w http.ResponseWriter, r *http.Request) error {
	id, err := productID(r)
	if err != nil {
		return err
	}
	found, available, err := s.products.Get(r.Context(), id)
	if err != nil {
		return refusal(err)
	}
	return problem.WriteJSON(w, http.StatusOK, show(found, available))
}

// indexOwn takes in what was just written here, so that who wrote it finds it; the other
// replicas, and this one if that fails, hear of it by event.
func (s *Server) indexOwn(ctx context.Context, written catalogue.Product) {
	if err := s.index.Apply([]catalogue.Product{written}); err != nil {
		slog.WarnContext(ctx, "written product is not indexed yet", "product", written.ID, "error", err)
	}
}

func (s *Server) answer(w http.ResponseWriter, r *http.Request, written catalogue.Product) error {
	items, err := s.withAvailability(r.Context(), []catalogue.Product{written})
	if err != nil {
		return err
	}
	return problem.WriteJSON(w, http.StatusOK, items[0])
}

// productID is the request's id in its canonical form; what cannot be an id names no product.
func productID(r *http.Request) (string, error) {
	text := r.URL.Query().Get("id")
	if text == "" {
		return "", problem.InField(problem.InvalidParameter, "id", "is required")
	}
	id, err := uuid.Parse(text)
	if err != nil || len(text) != len(id.String()) {
		return "", refusal(store.ErrUnknown)
	}
	return id.String(), nil
}

func refusal(err error) error {
	var invalid *catalogue.Invalid
	switch {
	case errors.As(err, &invalid):
		e := &problem.Error{Code: problem.Invalid, Detail: invalid.Error()}
		for _, flaw := range invalid.Flaws {
			e.Fields = append(e.Fields, problem.Field{Field: flaw.Field, Message: flaw.Message})
		}
		return e
	case errors.Is(err, store.ErrUnknown):
		return problem.New(problem.NotFound, "no such product")
	case errors.Is(err, store.ErrKeyReused):
		return problem.InField(problem.IdempotencyKeyReused, "Idempotency-Key", "was used for a product with other fields")
	}
	return err
}
