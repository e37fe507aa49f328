package api

import (
	"net/http"

	"github.com/sidecart/sidecart/services/internal/problem"
	"github.com/sidecart/sidecart/services/payment/internal/payment"
)

// view is a payment as other services may see it; amounts in minor units.
type view struct {
	OrderID    string `json:"orderId"`
	PaymentID  string `json:"paymentId,omitempty"`
	State      string `json:"state"`
	Authorised int64  `json:"authorised"`
	Captured   int64  `json:"captured"`
	Refunded   int64  `json:"refunded"`
	Currency   string `json:"currency"`
}

func (s *Server) query(w http.ResponseWriter, r *http.Request) error {
	var in orderIDs
	if err := in.decode(w, r, maxQuery); err != nil {
		return err
	}
	payments, err := s.Cashier.Payments.Read(r.Context(), in.OrderIDs)
	if err != nil {
		return err
	}
	views := make([]view, len(payments))
	for i, p := range payments {
		views[i] = view{
			OrderID: p.OrderID, PaymentID: p.ID, State: string(p.State),
			Authorised: p.Authorised, Captured: p.Captured, Refunded: p.Refunded, Currency: p.Amount.Currency,
		}
		if p.State == payment.None {
			views[i].PaymentID, views[i].State = "", "none"
		}
	}
	return problem.WriteJSON(w, http.StatusOK, map[string]any{"payments": views})
}
