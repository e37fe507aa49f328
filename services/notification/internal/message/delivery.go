package message

import "time"

// States of a delivery.
const (
	Pending = "pending"
	Sent    = "sent"
	Failed  = "failed"
)

// Delivery is how far an e-mail has come.
type Delivery struct {
	State string `json:"state"`
	// Attempts that were begun. What became of one whose end is not recorded is unknown.
	Attempts int `json:"attempts"`
	// Due is when the next attempt may begin; until then the last one may still be under way.
	Due time.Time `json:"due"`
	// Reason why the last attempt failed. It holds no address.
	Reason string `json:"reason,omitempty"`
}

// MostAttempts after which an e-mail is given up, about five hours after the first.
const MostAttempts = 12

// pause before attempt n+1: 15 s, longer than an attempt can take, doubled each time up to an hour.
func pause(n int) time.Duration { return min(15*time.Second<<min(n-1, 10), time.Hour) }

// Begin claims the next attempt, so that no other replica makes it too. It answers the
// delivery to record and whether to send once that is recorded.
func (d Delivery) Begin(now time.Time) (next Delivery, send bool) {
	if d.State != Pending || now.Before(d.Due) {
		return d, false
	}
	if d.Attempts >= MostAttempts {
		d.State, d.Reason = Failed, "the last attempt did not end"
		return d, false
	}
	d.Attempts++
	d.Due = now.Add(pause(d.Attempts))
	return d, true
}

// Outcome is how an attempt ended.
type Outcome struct {
	Sent bool
	// Final: there is no use in trying again.
	Final bool
	// Uncounted: the attempt did not get as far as the mail server.
	Uncounted bool
	Reason    string
}

// End records an attempt's outcome. An outcome that another attempt has overtaken changes nothing but to Sent.
func (d Delivery) End(attempt int, o Outcome) Delivery {
	switch {
	case o.Sent:
		d.State, d.Reason = Sent, ""
	case d.State != Pending || d.Attempts != attempt:
	case o.Final, d.Attempts >= MostAttempts && !o.Uncounted:
		d.State, d.Reason = Failed, o.Reason
	default:
		d.Reason = o.Reason
		if o.Uncounted {
			d.Attempts--
		}
	}
	return d
}
