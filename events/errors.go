package events

import (
	"errors"
	"fmt"
)

// Errors of a Log. They are compared with errors.Is; the errors returned carry
// the cause as well.
var (
	// ErrUnavailable: the log cannot be reached or cannot write now. What was
	// asked may be asked again.
	ErrUnavailable = errors.New("the event log is unavailable")
	// ErrStreamDeleted: the stream was tombstoned and can never be used again.
	ErrStreamDeleted = errors.New("the stream is deleted")
	// ErrTooLarge: the append exceeds MaxAppendBytes.
	ErrTooLarge = errors.New("the append is too large")
	// ErrInvalid: the caller's arguments can never be accepted.
	ErrInvalid = errors.New("invalid append")
	// ErrConflict: the stream is not at the revision expected; every
	// *WrongRevision is one.
	ErrConflict = errors.New("the stream has moved on")
)

// WrongRevision says that a stream's last revision was not the expected one.
type WrongRevision struct {
	Stream   string
	Expected Expected
	// Actual is the last revision, or NoStream.
	Actual Expected
}

func (w *WrongRevision) Error() string {
	return fmt.Sprintf("stream %s is at revision %s, expected %s", w.Stream, w.Actual, w.Expected)
}

// Is makes every WrongRevision an ErrConflict.
func (w *WrongRevision) Is(target error) bool { return target == ErrConflict }

// Unavailable wraps the cause of an outage so that it is an ErrUnavailable.
func Unavailable(cause error) error {
	if cause == nil || errors.Is(cause, ErrUnavailable) {
		return cause
	}
	return fmt.Errorf("%w: %w", ErrUnavailable, cause)
}

func (e Expected) String() string {
	switch e {
	case NoStream:
		return "none"
	case Any:
		return "any"
	case StreamExists:
		return "some"
	}
	return fmt.Sprint(int64(e))
}
