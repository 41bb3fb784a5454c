// Package decide holds what may happen: pure functions from a state and an
// intent to facts. It knows no clock, network or disk. An intent that is
// already fulfilled gives no facts.
package decide

import (
	"errors"
	"fmt"
)

// Kind is why an intent was refused.
type Kind int

const (
	// Invalid: the intent can never be carried out as it stands.
	Invalid Kind = iota + 1
	// Forbidden: whoever asks may not do this.
	Forbidden
	// Unknown: what the intent speaks of does not exist for whoever asks.
	Unknown
	// Taken: it cannot be carried out because of what happened before.
	Taken
)

// Refusal is the error of every decision: a rule's answer to an intent.
type Refusal struct {
	Kind Kind
	// Field names the part of the intent that is at fault, as clients write
	// it; it may be empty.
	Field string
	// Reason is a sentence for whoever asked.
	Reason string
	// Cause is one of this package's errors where programs must tell a refusal
	// from others, or nil.
	Cause error
}

// What some refusals are caused by.
var (
	// ErrNotGranted: the app lacks a grant.
	ErrNotGranted = errors.New("the app was not granted this")
	// ErrNotThreadOwner: another app, or an agent, answers the customer now.
	ErrNotThreadOwner = errors.New("another app has the thread")
	// ErrNotLinked: the customer has not opted in, or has left.
	ErrNotLinked = errors.New("the customer cannot be written to")
)

// Unwrap gives the cause to errors.Is.
func (r *Refusal) Unwrap() error { return r.Cause }

func (r *Refusal) Error() string {
	if r.Field == "" {
		return r.Reason
	}
	return r.Field + ": " + r.Reason
}

func refuse(kind Kind, field, format string, args ...any) error {
	return &Refusal{Kind: kind, Field: field, Reason: fmt.Sprintf(format, args...)}
}

// because is a refusal that programs can tell from others.
func because(cause error, kind Kind, format string, args ...any) error {
	return &Refusal{Kind: kind, Reason: fmt.Sprintf(format, args...), Cause: cause}
}

// At names another field in a refusal: the part of a larger intent in which the
// same rule was broken. Other errors stay as they are.
func At(field string, err error) error {
	var refusal *Refusal
	if !errors.As(err, &refusal) {
		return err
	}
	return &Refusal{Kind: refusal.Kind, Field: field, Reason: refusal.Reason, Cause: refusal.Cause}
}
