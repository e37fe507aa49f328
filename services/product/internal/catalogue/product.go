// Package catalogue is what a product is and how it may change. It is pure: no I/O, no clock.
package catalogue

import (
	"strings"

	"github.com/sidecart/sidecart/services/internal/money"
)

// Topic carries everything that happens to products.
const Topic = "catalog"

// What happens to a product; each event carries the whole product as it is afterwards (Snapshot).
const (
	Created = "product.created.v1"
	Changed = "product.changed.v1"
	Retired = "product.retired.v1"
)

// Product is the aggregate. Every change raises its version by one, from 1 on.
type Product struct {
	ID          string      `json:"id"`
	Name        string      `json:"name"`
	Description string      `json:"description"`
	Category    string      `json:"category"`
	Price       money.Money `json:"price"`
	// Retired products are not listed, not found and not sold, but still known.
	Retired bool  `json:"retired"`
	Version int64 `json:"version"`
}

// Draft is what an administrator says of a product that is to be.
type Draft struct {
	Name        string      `json:"name"`
	Description string      `json:"description"`
	Category    string      `json:"category"`
	Price       money.Money `json:"price"`
}

// Change is what is to be different; nil leaves a field as it is. Retired false brings a product back.
type Change struct {
	Name        *string      `json:"name"`
	Description *string      `json:"description"`
	Category    *string      `json:"category"`
	Price       *money.Money `json:"price"`
	Retired     *bool        `json:"retired"`
}

// Snapshot is the data of every product event.
type Snapshot struct {
	ProductID   string      `json:"productId"`
	Version     int64       `json:"version"`
	Name        string      `json:"name"`
	Description string      `json:"description"`
	Category    string      `json:"category"`
	Price       money.Money `json:"price"`
	Retired     bool        `json:"retired"`
}

// Normal is the draft as it is kept: without the white space around its texts.
func (d Draft) Normal() Draft {
	d.Name, d.Description = strings.TrimSpace(d.Name), strings.TrimSpace(d.Description)
	return d
}

// Create makes the first version of a product. Error: *Invalid.
func Create(id string, draft Draft) (Product, error) {
	draft = draft.Normal()
	if err := draft.check(); err != nil {
		return Product{}, err
	}
	return Product{ID: id, Name: draft.Name, Description: draft.Description, Category: draft.Category, Price: draft.Price, Version: 1}, nil
}

// Apply answers the product after a change and the type of the event that tells of it; when
// nothing is different that is empty and the version stays. Error: *Invalid.
func (p Product) Apply(change Change) (Product, string, error) {
	draft := Draft{Name: p.Name, Description: p.Description, Category: p.Category, Price: p.Price}
	set(&draft.Name, change.Name)
	set(&draft.Description, change.Description)
	set(&draft.Category, change.Category)
	set(&draft.Price, change.Price)
	draft = draft.Normal()
	if err := draft.check(); err != nil {
		return p, "", err
	}
	next := p
	next.Name, next.Description, next.Category, next.Price = draft.Name, draft.Description, draft.Category, draft.Price
	set(&next.Retired, change.Retired)
	if next == p {
		return p, "", nil
	}
	next.Version++
	if next.Retired && !p.Retired {
		return next, Retired, nil
	}
	return next, Changed, nil
}

func set[T any](field *T, value *T) {
	if value != nil {
		*field = *value
	}
}

// Snapshot is the product as its events tell of it.
func (p Product) Snapshot() Snapshot {
	return Snapshot{ProductID: p.ID, Version: p.Version, Name: p.Name, Description: p.Description, Category: p.Category, Price: p.Price, Retired: p.Retired}
}

// Product is the snapshot turned back.
func (s Snapshot) Product() Product {
	return Product{ID: s.ProductID, Version: s.Version, Name: s.Name, Description: s.Description, Category: s.Category, Price: s.Price, Retired: s.Retired}
}
