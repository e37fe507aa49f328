package api

import (
	"fmt"
	"regexp"

	"github.com/sidecart/sidecart/services/internal/problem"
	"github.com/sidecart/sidecart/services/inventory/internal/stock"
)

// Limits of a call, and of an order's line.
const (
	maxOrders   = 200
	maxLines    = 100
	maxQuantity = 999
	maxReceipt  = 1_000_000
)

// ids become keys of documents.
var idForm = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

func checkID(code problem.Code, field, id string) error {
	if !idForm.MatchString(id) {
		return problem.InField(code, field, "must be an id: 1 to 64 letters, digits, - or _")
	}
	return nil
}

// checkIDs wants 1 to 200 different ids; field names the i-th.
func checkIDs(list string, n int, field func(i int) (name, id string)) error {
	if n < 1 || n > maxOrders {
		return problem.InField(problem.Invalid, list, "must have 1 to %d entries", maxOrders)
	}
	seen := map[string]bool{}
	for i := range n {
		name, id := field(i)
		if err := checkID(problem.Invalid, name, id); err != nil {
			return err
		}
		if seen[id] {
			return problem.InField(problem.Invalid, name, "is in this call already")
		}
		seen[id] = true
	}
	return nil
}

func checkLines(field string, lines []stock.Line) error {
	if len(lines) < 1 || len(lines) > maxLines {
		return problem.InField(problem.Invalid, field, "must have 1 to %d entries", maxLines)
	}
	seen := map[string]bool{}
	for i, line := range lines {
		at := fmt.Sprintf("%s[%d]", field, i)
		if err := checkID(problem.Invalid, at+".productId", line.ProductID); err != nil {
			return err
		}
		if seen[line.ProductID] {
			return problem.InField(problem.Invalid, at+".productId", "has a line already")
		}
		seen[line.ProductID] = true
		if line.Quantity < 1 || line.Quantity > maxQuantity {
			return problem.InField(problem.Invalid, at+".quantity", "must be from 1 to %d", maxQuantity)
		}
	}
	return nil
}
