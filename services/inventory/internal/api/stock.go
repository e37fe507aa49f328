package api

import (
	"maps"
	"net/http"
	"slices"
	"strconv"

	"github.com/sidecart/sidecart/services/internal/problem"
	"github.com/sidecart/sidecart/services/inventory/internal/stock"
)

// level is what an administrator sees of a stock.
type level struct {
	ProductID string `json:"productId"`
	OnHand    int64  `json:"onHand"`
	Held      int64  `json:"held"`
	Available int64  `json:"available"`
}

// getStock answers one product's stock.
func (s *Server) getStock(w http.ResponseWriter, r *http.Request) error {
	id, err := productParameter(r)
	if err != nil {
		return err
	}
	return s.writeStock(w, r, id)
}

func (s *Server) writeStock(w http.ResponseWriter, r *http.Request, id string) error {
	known, exists, err := s.Ledger.Stock(r.Context(), id)
	if err != nil {
		return err
	}
	if !exists {
		return problem.New(problem.NotFound, "this product has no stock")
	}
	now := known.Level()
	return problem.WriteJSON(w, http.StatusOK, level{ProductID: now.ProductID, OnHand: now.OnHand, Held: now.Held, Available: now.Available})
}

func productParameter(r *http.Request) (string, error) {
	id := r.URL.Query().Get("productId")
	return id, checkID(problem.InvalidParameter, "productId", id)
}

// account is the whole of a stock, for whoever checks the books.
type account struct {
	ProductID string `json:"productId"`
	OnHand    int64  `json:"onHand"`
	Received  int64  `json:"received"`
	Sold      int64  `json:"sold"`
	Returned  int64  `json:"returned"`
	Held      int64  `json:"held"`
	Holds     []hold `json:"holds"`
}

type hold struct {
	OrderID  string `json:"orderId"`
	Quantity int64  `json:"quantity"`
}

// listStock answers all stocks, page by page.
func (s *Server) listStock(w http.ResponseWriter, r *http.Request) error {
	page, err := strconv.ParseInt(r.URL.Query().Get("page"), 10, 64)
	if err != nil || page < 1 {
		return problem.InField(problem.InvalidParameter, "page", "must be a number from 1")
	}
	stocks, next, err := s.Ledger.List(r.Context(), page)
	if err != nil {
		return err
	}
	items := make([]account, len(stocks))
	for i, known := range stocks {
		items[i] = accountOf(known)
	}
	return problem.WriteJSON(w, http.StatusOK, map[string]any{"items": items, "nextPage": next})
}

func accountOf(known stock.Stock) account {
	holds := []hold{}
	for _, id := range slices.Sorted(maps.Keys(known.Holds)) {
		holds = append(holds, hold{OrderID: id, Quantity: known.Holds[id].Quantity})
	}
	return account{
		ProductID: known.ProductID, OnHand: known.OnHand, Received: known.Received, Sold: known.Sold,
		Returned: known.Returned, Held: known.Held(), Holds: holds,
	}
}
