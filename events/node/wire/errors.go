package wire

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"parley/events"
)

// fault is an error with the exact status and trailers that clients know it by.
type fault struct {
	code    codes.Code
	text    string
	trailer metadata.MD
}

func (f *fault) Error() string { return f.text }

// GRPCStatus makes a fault the status of its call.
func (f *fault) GRPCStatus() *status.Status { return status.New(f.code, f.text) }

// exception is the trailer by which clients tell faults of one status apart.
func exception(name string, details ...string) metadata.MD {
	return metadata.Pairs(append([]string{"exception", name}, details...)...)
}

var (
	errUnhandled       = &fault{code: codes.Unknown, text: "Exception was thrown by handler."}
	errAccessDenied    = &fault{code: codes.PermissionDenied, text: "Access Denied", trailer: exception("access-denied")}
	errUnauthenticated = &fault{code: codes.Unauthenticated, text: "Unauthenticated"}
	errNotReady        = &fault{code: codes.Unavailable, text: "Server Is Not Ready"}
	errInvalidPosition = &fault{code: codes.InvalidArgument, text: "Trying to read from an invalid position."}
	errAppendTooBig    = &fault{
		code:    codes.InvalidArgument,
		text:    fmt.Sprintf("Maximum Append Size of %d Exceeded.", events.MaxAppendBytes),
		trailer: exception("maximum-append-size-exceeded", "maximum-append-size", strconv.Itoa(events.MaxAppendBytes)),
	}
	errMetadataMissing = &fault{
		code:    codes.InvalidArgument,
		trailer: exception("missing-required-metadata-property", "required-metadata-properties", "type,content-type"),
	}
)

func errStreamDeleted(stream string) error {
	return &fault{
		code:    codes.FailedPrecondition,
		text:    fmt.Sprintf("Event stream '%s' is deleted.", stream),
		trailer: exception("stream-deleted", "stream-name", stream),
	}
}

func errDeleteConflict(stream string, expected events.Expected, actual int64) error {
	e, a := strconv.FormatInt(int64(expected), 10), strconv.FormatInt(actual, 10)
	return &fault{
		code: codes.FailedPrecondition,
		text: fmt.Sprintf("Delete failed due to WrongExpectedVersion. Stream: %s, Expected version: %s, Actual version: %s", stream, e, a),
		trailer: exception("wrong-expected-version",
			"stream-name", stream, "expected-version", e, "actual-version", a),
	}
}

func errMetadataProperty(name string) error {
	missing := *errMetadataMissing
	missing.text = fmt.Sprintf("Required Metadata Property '%s' is missing", name)
	return &missing
}

func errInvalid(argument, kind string) error {
	return &fault{code: codes.InvalidArgument, text: fmt.Sprintf("'%s' is not a valid %s", argument, kind)}
}

func errRequired(argument, kind string) error {
	return &fault{code: codes.InvalidArgument, text: fmt.Sprintf("`%s` is a required argument of type %s", argument, kind)}
}

func errCombination(parts ...any) error {
	text := ""
	for i, part := range parts {
		if i > 0 {
			text += ", "
		}
		text += fmt.Sprint(part)
	}
	return &fault{code: codes.InvalidArgument, text: fmt.Sprintf("The combination of (%s) is invalid.", text)}
}

// statusOf gives an error of the node the status that clients expect. It
// answers false for an error that is the server's own failure.
func statusOf(err error) (error, bool) {
	var known *fault
	switch {
	case errors.As(err, &known):
		return known, true
	case errors.Is(err, events.ErrTooLarge):
		return errAppendTooBig, true
	case errors.Is(err, events.ErrInvalid):
		return status.Error(codes.InvalidArgument, err.Error()), true
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return status.FromContextError(err).Err(), true
	case errors.Is(err, events.ErrUnavailable):
		return errNotReady, false
	}
	if _, ok := status.FromError(err); ok {
		return err, true
	}
	return errUnhandled, false
}
