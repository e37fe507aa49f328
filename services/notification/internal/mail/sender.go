// Package mail sends notes as e-mails through the sidecar's output binding, apart from the
// events that made them, so that a mail server's troubles hold up neither inbox nor topic.
package mail

import (
	"context"
	"errors"
	"fmt"
	"html"
	"log/slog"
	"strings"
	"time"

	"github.com/sidecart/sidecart/services/notification/internal/message"
	"github.com/sidecart/sidecart/services/notification/internal/store"
)

// ErrNoAddress: the customer is unknown.
var ErrNoAddress = errors.New("mail: no address")

// Contacts knows customers' addresses.
type Contacts interface {
	// Address of a customer. Errors: ErrNoAddress, else it is not known now.
	Address(ctx context.Context, customerID string) (string, error)
}

// Mailer hands a message to the mail server.
type Mailer interface {
	// SendMail answers an error when the message was refused or it is unknown what became of it.
	SendMail(ctx context.Context, body []byte, metadata map[string]string) error
}

// Sender works off the queue. Dapr's SMTP binding keeps the recipient of the call under way in a
// place that all calls share, so messages must go one by one: one Sender to a sidecar.
type Sender struct {
	Notes    *store.Notes
	Outgoing *store.Outgoing
	Contacts Contacts
	Mailer   Mailer
	Log      *slog.Logger
	Now      func() time.Time
}

// patience is how many failures in a row end a sweep: then it is not the addresses.
const patience = 5

var errPatience = errors.New("mail: sending fails, it is tried again later")

// Sweep sends all that is due. Errors: state.ErrUnavailable, or that sending keeps failing.
func (s *Sender) Sweep(ctx context.Context) error {
	failures := 0
	return s.Outgoing.Each(ctx, s.Now(), func(ctx context.Context, note message.Note) (message.Delivery, error) {
		if failures >= patience {
			return message.Delivery{}, errPatience
		}
		delivery, outcome, err := s.deliver(ctx, note)
		if failures++; outcome.Sent || outcome.Final {
			failures = 0
		}
		return delivery, err
	})
}

// deliver makes one attempt: claim, send, record. A crash between the last two sends the
// message once more later.
func (s *Sender) deliver(ctx context.Context, note message.Note) (message.Delivery, message.Outcome, error) {
	send := false
	claimed, err := s.Notes.Deliver(ctx, note.ID, func(d message.Delivery) (next message.Delivery, write bool) {
		next, send = d.Begin(s.Now())
		return next, next != d
	})
	if err != nil {
		return claimed, message.Outcome{}, err
	}
	// What another replica is doing is no failure of sending.
	outcome := message.Outcome{Final: true}
	if send {
		attempt := claimed.Attempts
		outcome = s.send(ctx, note)
		claimed, err = s.Notes.Deliver(ctx, note.ID, func(d message.Delivery) (message.Delivery, bool) {
			next := d.End(attempt, outcome)
			return next, next != d
		})
	}
	if claimed.State == message.Failed {
		s.Log.WarnContext(ctx, "an e-mail is given up", "note", note.ID, "attempts", claimed.Attempts, "reason", claimed.Reason)
	}
	return claimed, outcome, err
}

func (s *Sender) send(ctx context.Context, note message.Note) message.Outcome {
	address, err := s.Contacts.Address(ctx, note.CustomerID)
	switch {
	case errors.Is(err, ErrNoAddress):
		return message.Outcome{Final: true, Reason: "the customer is unknown"}
	case err != nil:
		return message.Outcome{Uncounted: true, Reason: "the address could not be asked for"}
	// The binding takes ; for the end of an address, a line break for that of a header.
	case address == "" || strings.ContainsAny(address, ";\r\n"):
		return message.Outcome{Final: true, Reason: "the address cannot be used"}
	}
	err = s.Mailer.SendMail(ctx, body(note), map[string]string{"emailTo": address, "subject": note.Title, "messageId": note.ID})
	if err != nil {
		// Mail servers repeat the address in what they say, so that is left to the sidecar's log.
		return message.Outcome{Reason: "the mail server did not take it"}
	}
	return message.Outcome{Sent: true}
}

// body is HTML, as what the SMTP binding sends. The reference lets a reader know a message that came twice.
func body(note message.Note) []byte {
	return fmt.Appendf(nil, "<p>%s</p>\n<p><small>Message %s</small></p>\n", html.EscapeString(note.Body), note.ID)
}
