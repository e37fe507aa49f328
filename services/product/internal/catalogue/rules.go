package catalogue

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits of a product's fields; texts are counted in characters, prices in minor units.
const (
	MaxName        = 200
	MaxDescription = 5000
	MaxCategory    = 50
	MaxPrice       = 100_000_000
)

// Flaw says what is wrong with one field.
type Flaw struct{ Field, Message string }

// Invalid is a product that may not be; it names every field that is at fault.
type Invalid struct{ Flaws []Flaw }

func (e *Invalid) Error() string {
	parts := make([]string, len(e.Flaws))
	for i, flaw := range e.Flaws {
		parts[i] = flaw.Field + ": " + flaw.Message
	}
	return strings.Join(parts, "; ")
}

func (d Draft) check() error {
	var flaws []Flaw
	require := func(ok bool, field, format string, args ...any) {
		if !ok {
			flaws = append(flaws, Flaw{field, fmt.Sprintf(format, args...)})
		}
	}
	require(d.Name != "" && utf8.RuneCountInString(d.Name) <= MaxName, "name", "must have 1 to %d characters", MaxName)
	require(!strings.ContainsFunc(d.Name, unicode.IsControl), "name", "must be one line of text")
	require(utf8.RuneCountInString(d.Description) <= MaxDescription, "description", "must have at most %d characters", MaxDescription)
	require(Slug(d.Category), "category", "must be 1 to %d small letters and digits, in words joined by hyphens", MaxCategory)
	require(d.Price.Amount >= 1 && d.Price.Amount <= MaxPrice, "price.amount", "must be 1 to %d minor units", MaxPrice)
	price := d.Price
	price.Amount = 0
	require(price.Valid(), "price.currency", "must be an ISO 4217 code, three capital letters")
	if len(flaws) > 0 {
		return &Invalid{flaws}
	}
	return nil
}

// Slug tells whether a text can name a category, such as coffee-and-tea.
func Slug(text string) bool {
	if len(text) > MaxCategory {
		return false
	}
	for word := range strings.SplitSeq(text, "-") {
		if word == "" || strings.Trim(word, "abcdefghijklmnopqrstuvwxyz0123456789") != "" {
			return false
		}
	}
	return true
}
