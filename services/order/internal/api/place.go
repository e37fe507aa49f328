package api

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/sidecart/sidecart/services/internal/auth"
	"github.com/sidecart/sidecart/services/internal/money"
	"github.com/sidecart/sidecart/services/internal/problem"
	"github.com/sidecart/sidecart/services/internal/state"
	"github.com/sidecart/sidecart/services/order/internal/order"
	"github.com/sidecart/sidecart/services/order/internal/store"
)

// placeOrder accepts an order. A request that is repeated under its key answers the order
// that the first one made, whatever became of the cart and the catalogue since.
func (s *Server) placeOrder(w http.ResponseWriter, r *http.Request) error {
	key, err := problem.IdempotencyKey(r)
	if err != nil {
		return err
	}
	var body placeOrder
	if err := problem.Decode(w, r, &body); err != nil {
		return err
	}
	if err := body.check(); err != nil {
		return err
	}
	fingerprint, err := body.fingerprint()
	if err != nil {
		return err
	}
	id := order.ID(auth.From(r.Context()).Subject, key)
	loaded, err := s.Streams.Load(r.Context(), id)
	if err != nil {
		return err
	}
	l := loaded[0]
	if !l.Exists() && l.Broken == nil {
		if l, err = s.submit(r, id, body, fingerprint); err != nil {
			return err
		}
		err = s.Intake.Accept(r.Context(), l)
		if !errors.Is(err, state.ErrConflict) {
			if err != nil {
				return err
			}
			return s.answer(w, r, l.Order)
		}
		// The same key came twice at once, and the other one was first.
		if loaded, err = s.Streams.Load(r.Context(), id); err != nil {
			return err
		}
		l = loaded[0]
	}
	return s.repeat(w, r, l, fingerprint)
}

// repeat answers a request whose order exists.
func (s *Server) repeat(w http.ResponseWriter, r *http.Request, l *store.Loaded, fingerprint string) error {
	if l.Broken != nil {
		return l.Broken
	}
	if l.Order.Fingerprint != fingerprint {
		return problem.InField(problem.IdempotencyKeyReused, "Idempotency-Key", "was used before, for another order")
	}
	if !l.Order.Final() {
		// The first try may have died before the message was out.
		if err := s.Intake.Accept(r.Context(), l); err != nil {
			return err
		}
	}
	return s.answer(w, r, l.Order)
}

// submit prices the order and starts its stream; nothing is written yet.
func (s *Server) submit(r *http.Request, id string, body placeOrder, fingerprint string) (*store.Loaded, error) {
	items, cartID, err := s.items(r, body)
	if err != nil {
		return nil, err
	}
	lines, err := s.price(r, items)
	if err != nil {
		return nil, err
	}
	total, err := order.Total(lines)
	switch {
	case errors.Is(err, money.ErrCurrency):
		return nil, problem.InField(problem.CurrencyMix, "items", "the products have prices in different currencies")
	case err != nil:
		return nil, problem.InField(problem.Invalid, "items", "the total is too large")
	}
	now := s.Now()
	stream, err := order.Submit(order.Submission{
		OrderID: id, CustomerID: auth.From(r.Context()).Subject, Lines: lines, Total: total, ShippingAddress: *body.ShippingAddress,
		PaymentToken: body.PaymentToken, CartID: cartID, Fingerprint: fingerprint, Deadline: now.Add(s.Deadline).UTC(),
	}, now)
	if err != nil {
		return nil, err
	}
	return store.New(id, stream)
}

// items of the request, or of the customer's cart with the prices that it shows.
func (s *Server) items(r *http.Request, body placeOrder) ([]order.Line, string, error) {
	if !body.FromCart {
		lines := make([]order.Line, len(body.Items))
		for i, item := range body.Items {
			lines[i] = order.Line{ProductID: item.ProductID, Quantity: item.Quantity}
		}
		return lines, "", nil
	}
	basket, err := s.Cart.Of(r.Context(), r.Header.Get("Authorization"))
	if err != nil {
		return nil, "", err
	}
	if len(basket.Items) == 0 {
		return nil, "", problem.InField(problem.Invalid, "fromCart", "the cart is empty")
	}
	return basket.Items, basket.CartID, nil
}

// price completes the lines from the service's own copy of the catalogue. A line that has a
// price already keeps it: it is what the customer saw, and the saga checks it.
func (s *Server) price(r *http.Request, lines []order.Line) ([]order.Line, error) {
	ids := make([]string, len(lines))
	for i, line := range lines {
		ids[i] = line.ProductID
	}
	products, err := s.Catalogue.Find(r.Context(), ids)
	if err != nil {
		return nil, err
	}
	for i := range lines {
		line := &lines[i]
		product, known := products[line.ProductID]
		field := fmt.Sprintf("items[%d].productId", i)
		switch {
		case !known:
			return nil, problem.InField(problem.UnknownProduct, field, "there is no product %q", line.ProductID)
		case product.Retired:
			return nil, problem.InField(problem.RetiredProduct, field, "this product is not sold any more")
		}
		line.Name = product.Name
		if line.UnitPrice == (money.Money{}) {
			line.UnitPrice = product.Price
		}
	}
	return lines, nil
}

// fingerprint tells this request from another one: the decoded body, so that spacing and order of members do not count.
func (b placeOrder) fingerprint() (string, error) {
	raw, err := json.Marshal(b)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:]), nil
}
