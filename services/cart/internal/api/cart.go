package api

import (
	"errors"
	"net/http"

	"github.com/sidecart/sidecart/services/cart/internal/cart"
	"github.com/sidecart/sidecart/services/cart/internal/store"
	"github.com/sidecart/sidecart/services/internal/auth"
	"github.com/sidecart/sidecart/services/internal/problem"
)

func customer(r *http.Request) string { return auth.From(r.Context()).Subject }

// write answers with the cart, unless there was an error.
func write(w http.ResponseWriter, view store.View, err error) error {
	if err != nil {
		return err
	}
	return problem.WriteJSON(w, http.StatusOK, view)
}

func (s *Server) showCart(w http.ResponseWriter, r *http.Request) error {
	view, err := s.Carts.Get(r.Context(), customer(r))
	return write(w, view, err)
}

func (s *Server) clearCart(w http.ResponseWriter, r *http.Request) error {
	view, err := s.Carts.Clear(r.Context(), customer(r))
	return write(w, view, err)
}

func (s *Server) putItem(w http.ResponseWriter, r *http.Request) error {
	id, err := productID(r)
	if err != nil {
		return err
	}
	var body struct {
		Quantity int64 `json:"quantity"`
	}
	if err := problem.Decode(w, r, &body); err != nil {
		return err
	}
	view, err := s.Carts.Put(r.Context(), customer(r), id, body.Quantity)
	return write(w, view, refusal(err))
}

func (s *Server) removeItem(w http.ResponseWriter, r *http.Request) error {
	id, err := productID(r)
	if err != nil {
		return err
	}
	view, err := s.Carts.Remove(r.Context(), customer(r), id)
	return write(w, view, err)
}

func productID(r *http.Request) (string, error) {
	id := r.URL.Query().Get("productId")
	if id == "" {
		return "", problem.InField(problem.InvalidParameter, "productId", "is required")
	}
	return id, nil
}

// refusal says to the client why something cannot be put into the cart.
func refusal(err error) error {
	switch {
	case errors.Is(err, cart.ErrQuantity):
		return problem.InField(problem.Invalid, "quantity", "must be a number from 1 to %d", cart.MaxQuantity)
	case errors.Is(err, cart.ErrFull):
		return problem.InField(problem.Invalid, "items", "a cart holds at most %d products", cart.MaxLines)
	case errors.Is(err, cart.ErrUnknown):
		return problem.InField(problem.UnknownProduct, "productId", "there is no such product")
	case errors.Is(err, cart.ErrRetired):
		return problem.InField(problem.RetiredProduct, "productId", "this product is not sold any more")
	case errors.Is(err, cart.ErrMixed):
		return problem.InField(problem.CurrencyMix, "productId", "its price is in another currency than those in the cart")
	}
	return err
}
