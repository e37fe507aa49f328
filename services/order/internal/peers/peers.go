// Package peers is the order service's view of the services that it calls.
package peers

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"time"

	"github.com/sidecart/sidecart/services/internal/dapr"
	"github.com/sidecart/sidecart/services/internal/problem"
	"github.com/sidecart/sidecart/services/order/internal/order"
	"github.com/sidecart/sidecart/services/order/internal/saga"
	"github.com/sidecart/sidecart/services/order/internal/store"
)

// callTimeout bounds one call of a saga step: well below the time after which the broker
// gives the batch to somebody else.
const callTimeout = 5 * time.Second

// Invoker calls another service; see dapr.Client.Invoke for the errors.
type Invoker interface {
	Invoke(ctx context.Context, call dapr.Call) error
}

// batch posts many orders' worth of work in one call. After an error nothing is known of any of them; refused
// tells that the callee took the request itself for wrong, for which one order among them may be the cause.
func batch[Out any](ctx context.Context, invoker Invoker, app, path string, in any) (out Out, refused bool) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	err := invoker.Invoke(ctx, dapr.Call{App: app, Method: http.MethodPost, Path: path, In: in, Out: &out})
	if err == nil {
		return out, false
	}
	slog.WarnContext(ctx, "saga step has no known outcome", "app", app, "path", path, "error", err)
	var p *problem.Error
	return *new(Out), errors.As(err, &p)
}

// apart makes a call for the orders, and for each half of them on its own when they are refused
// together, so that one that the callee cannot take does not stop the others.
func apart(orders []order.Order, call func([]order.Order) (results map[string]saga.Result, refused bool)) map[string]saga.Result {
	if len(orders) == 0 {
		return map[string]saga.Result{}
	}
	results, refused := call(orders)
	if half := len(orders) / 2; refused && half > 0 {
		results = apart(orders[:half], call)
		maps.Copy(results, apart(orders[half:], call))
	}
	return results
}

// AskProduct asks the product service for a product whose event has not come yet; nil when there is none.
func AskProduct(invoker Invoker) func(ctx context.Context, id string) (*store.Product, error) {
	return func(ctx context.Context, id string) (*store.Product, error) {
		ctx, cancel := context.WithTimeout(ctx, callTimeout)
		defer cancel()
		var answer struct {
			store.Product
			ID string `json:"id"`
		}
		err := invoker.Invoke(ctx, dapr.Call{App: "product", Method: http.MethodGet, Path: "/product?id=" + url.QueryEscape(id), Out: &answer})
		if e := (*problem.Error)(nil); errors.As(err, &e) && e.Code == problem.NotFound {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		answer.ProductID = answer.ID
		return &answer.Product, nil
	}
}
