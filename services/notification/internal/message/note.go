// Package message is what customers are told: which event makes which note, in what words,
// and when one that could not be delivered is tried again. It is pure: no clock, no I/O.
package message

import (
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/sidecart/sidecart/services/internal/money"
)

// Types of the events that customers are told of, and of those that they are not.
const (
	OrderConfirmedV1  = "order.confirmed.v1"
	OrderCancelledV1  = "order.cancelled.v1"
	AwaitingPaymentV1 = "order.awaiting_payment.v1"
	UserRegisteredV1  = "user.registered.v1"
)

// Kinds of notes. There is one note of a kind for each order (or user) and channel, whatever
// is delivered how often.
const (
	OrderConfirmed = "order_confirmed"
	OrderCancelled = "order_cancelled"
	Welcome        = "welcome"
)

// OrderKinds are the kinds that an order can have.
var OrderKinds = [...]string{OrderConfirmed, OrderCancelled}

// Channels by which notes reach customers.
const (
	Inbox = "inbox"
	Email = "email"
)

// Channels are all of them, used or not.
var Channels = [...]string{Inbox, Email}

// Note is one message to one customer by one channel.
type Note struct {
	ID         string    `json:"id"`
	Kind       string    `json:"kind"`
	Channel    string    `json:"channel"`
	CustomerID string    `json:"customerId"`
	OrderID    string    `json:"orderId,omitempty"`
	Title      string    `json:"title"`
	Body       string    `json:"body"`
	CreatedAt  time.Time `json:"createdAt"`
}

// ID derives a note's id from what makes it the only one; subject is the order's or the user's id.
func ID(kind, subject, channel string) string {
	return uuid.NewSHA1(uuid.NameSpaceOID, []byte("notification/"+kind+"/"+subject+"/"+channel)).String()
}

// Order is what notes say of an order: the order service's snapshot, as far as it is needed here.
type Order struct {
	OrderID      string      `json:"orderId"`
	CustomerID   string      `json:"customerId"`
	Reason       string      `json:"reason"`
	Lines        []Line      `json:"lines"`
	Total        money.Money `json:"total"`
	UpdatedAt    time.Time   `json:"updatedAt"`
	WasConfirmed bool        `json:"wasConfirmed"`
}

// Line is a product of an order.
type Line struct {
	Name     string `json:"name"`
	Quantity int64  `json:"quantity"`
}

// Valid says why nothing can be told about the order, or nil.
func (o Order) Valid() error {
	switch {
	case !isUUID(o.OrderID):
		return fmt.Errorf("orderId %q is not a UUID", o.OrderID)
	case !isUUID(o.CustomerID):
		return fmt.Errorf("customerId %q is not a UUID", o.CustomerID)
	case len(o.Lines) == 0:
		return errors.New("no lines")
	case !o.Total.Valid():
		return fmt.Errorf("total %d %q", o.Total.Amount, o.Total.Currency)
	}
	return nil
}

// User is the data of UserRegisteredV1.
type User struct {
	UserID string `json:"userId"`
}

// Valid says why nobody can be told, or nil.
func (u User) Valid() error {
	if !isUUID(u.UserID) {
		return fmt.Errorf("userId %q is not a UUID", u.UserID)
	}
	return nil
}

// isUUID: Parse alone also takes braces and urn: prefixes.
func isUUID(id string) bool {
	_, err := uuid.Parse(id)
	return err == nil && len(id) == 36
}

// OfOrder makes the notes of an order's confirmation or cancellation, one for each channel.
func OfOrder(kind string, o Order, channels []string) []Note {
	title, body := confirmation(o)
	if kind == OrderCancelled {
		title, body = cancellation(o)
	}
	notes := make([]Note, len(channels))
	for i, channel := range channels {
		notes[i] = Note{ID(kind, o.OrderID, channel), kind, channel, o.CustomerID, o.OrderID, title, body, o.UpdatedAt}
	}
	return notes
}

// OfUser makes the notes that greet a new customer.
func OfUser(u User, at time.Time, channels []string) []Note {
	notes := make([]Note, len(channels))
	for i, channel := range channels {
		notes[i] = Note{
			ID: ID(Welcome, u.UserID, channel), Kind: Welcome, Channel: channel, CustomerID: u.UserID,
			Title: welcomeTitle, Body: welcomeBody, CreatedAt: at,
		}
	}
	return notes
}
