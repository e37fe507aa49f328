// Package secret keeps passwords, their hashes and tokens out of logs.
package secret

import "log/slog"

const hidden = "[hidden]"

// Text is a string that neither slog nor fmt prints. In JSON it is a plain string, as
// requests, answers and documents need it.
type Text string

// Reveal answers what is hidden.
func (t Text) Reveal() string { return string(t) }

// LogValue implements slog.LogValuer.
func (t Text) LogValue() slog.Value { return slog.StringValue(hidden) }

// String implements fmt.Stringer.
func (t Text) String() string { return hidden }

// GoString implements fmt.GoStringer, for %#v.
func (t Text) GoString() string { return hidden }
