package message

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/sidecart/sidecart/services/internal/money"
)

const (
	welcomeTitle = "Welcome"
	welcomeBody  = "Your account is ready. What becomes of your orders, you will read here."
)

func confirmation(o Order) (title, body string) {
	return fmt.Sprintf("Order %s is confirmed", reference(o)),
		fmt.Sprintf("Thank you for your order of %s. The total is %s.", products(o.Lines), amount(o.Total))
}

// reasons complete the sentence "Your order was cancelled".
var reasons = map[string]string{
	"out_of_stock":     " because not all of it is in stock",
	"payment_declined": " because the payment was declined",
	"price_changed":    " because a price had changed",
	"expired":          " because it could not be completed in time",
	"by_customer":      " as you asked",
}

func cancellation(o Order) (title, body string) {
	charge := "You have not been charged."
	if o.WasConfirmed {
		charge = amount(o.Total) + " will be refunded."
	}
	return fmt.Sprintf("Order %s is cancelled", reference(o)),
		fmt.Sprintf("Your order of %s was cancelled%s. %s", products(o.Lines), reasons[o.Reason], charge)
}

// reference is what people call an order: the beginning of its id.
func reference(o Order) string { return o.OrderID[:8] }

// named is how many products a text names before it only counts.
const named = 5

func products(lines []Line) string {
	var list []string
	for _, line := range lines[:min(len(lines), named)] {
		list = append(list, fmt.Sprintf("%d × %s", line.Quantity, line.Name))
	}
	text := strings.Join(list, ", ")
	if more := len(lines) - named; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// digits after the decimal point, where ISO 4217 does not say 2.
var digits = map[string]int{
	"BIF": 0, "CLP": 0, "DJF": 0, "GNF": 0, "ISK": 0, "JPY": 0, "KMF": 0, "KRW": 0, "PYG": 0, "RWF": 0,
	"UGX": 0, "UYI": 0, "VND": 0, "VUV": 0, "XAF": 0, "XOF": 0, "XPF": 0,
	"BHD": 3, "IQD": 3, "JOD": 3, "KWD": 3, "LYD": 3, "OMR": 3, "TND": 3, "CLF": 4, "UYW": 4,
}

// amount writes money for people: 2900 EUR is "29.00 EUR". The amount is not negative.
func amount(m money.Money) string {
	places, known := digits[m.Currency]
	if !known {
		places = 2
	}
	text := strconv.FormatInt(m.Amount, 10)
	if places == 0 {
		return text + " " + m.Currency
	}
	text = strings.Repeat("0", max(0, places+1-len(text))) + text
	return text[:len(text)-places] + "." + text[len(text)-places:] + " " + m.Currency
}
