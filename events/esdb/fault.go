package esdb

import (
	"context"
	"errors"
	"fmt"
	"strings"

	client "github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"parley/events"
)

// fault puts an error of the client into the words of events.Log. Whatever the
// client cannot be blamed for and the caller cannot mend is an outage.
func (l *Log) fault(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case l.supervisor.ctx.Err() != nil:
		return events.Unavailable(errClosed)
	case hasCode(err, client.ErrorCodeStreamDeleted):
		return fmt.Errorf("%w: %w", events.ErrStreamDeleted, err)
	}
	switch code, text := grpcStatus(err); code {
	case codes.InvalidArgument:
		if strings.Contains(text, "Maximum Append") {
			return fmt.Errorf("%w: %w", events.ErrTooLarge, err)
		}
		return fmt.Errorf("%w: %w", events.ErrInvalid, err)
	case codes.ResourceExhausted:
		return fmt.Errorf("%w: %w", events.ErrTooLarge, err)
	}
	return events.Unavailable(err)
}

// ruinous tells the errors after which the client must not be called again.
func ruinous(err error) bool {
	if hasCode(err, client.ErrorCodeConnectionClosed) || hasCode(err, client.ErrorCodeNotLeader) {
		return true
	}
	code, _ := grpcStatus(err)
	return code == codes.Unavailable
}

// hasCode looks for a code through the client's own wrapping, which the
// client's FromError does not.
func hasCode(err error, code client.ErrorCode) bool {
	var fault *client.Error
	return errors.As(err, &fault) && fault.Code() == code
}

// streamMissing tells the answer that a stream does not exist from a call that
// was refused as not found: a server between two leaders may refuse one so.
func streamMissing(err error) bool {
	code, _ := grpcStatus(err)
	return hasCode(err, client.ErrorCodeResourceNotFound) && code == codes.Unknown
}

// grpcStatus returns the status somewhere in an error's chain, or Unknown.
func grpcStatus(err error) (codes.Code, string) {
	var carrier interface{ GRPCStatus() *status.Status }
	if errors.As(err, &carrier) {
		return carrier.GRPCStatus().Code(), carrier.GRPCStatus().Message()
	}
	return codes.Unknown, ""
}
