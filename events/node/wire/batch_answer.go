package wire

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/emptypb"

	"parley/events"
	"parley/events/node"
)

var errTooManyUnfinished = &fault{code: codes.InvalidArgument, text: fmt.Sprintf("More than %d appends are unfinished", maxUnfinished)}

// batchDeadline is when an append is given up: when its client says, in either
// form, but no later than the server's own timeout.
func batchDeadline(options *streams.BatchAppendReq_Options, now time.Time) time.Time {
	deadline := now.Add(writeTimeout)
	var asked time.Time
	switch option := options.GetDeadlineOption().(type) {
	case *streams.BatchAppendReq_Options_Deadline:
		asked = now.Add(option.Deadline.AsDuration())
	case *streams.BatchAppendReq_Options_Deadline_21_10_0:
		asked = option.Deadline_21_10_0.AsTime()
	default:
		return deadline
	}
	if asked.Before(deadline) {
		return asked
	}
	return deadline
}

func batchExpected(options *streams.BatchAppendReq_Options) (events.Expected, error) {
	switch option := options.GetExpectedStreamPosition().(type) {
	case *streams.BatchAppendReq_Options_StreamPosition:
		return revisionExpected(option.StreamPosition)
	case *streams.BatchAppendReq_Options_NoStream:
		return events.NoStream, nil
	case *streams.BatchAppendReq_Options_Any:
		return events.Any, nil
	case *streams.BatchAppendReq_Options_StreamExists:
		return events.StreamExists, nil
	}
	return 0, errInvalid("None", "ExpectedStreamPosition")
}

func batchOutcome(a *batchAppend, outcome node.Outcome) (*streams.BatchAppendResp, error) {
	switch outcome.Status {
	case node.Written, node.Repeated:
		return &streams.BatchAppendResp{Result: &streams.BatchAppendResp_Success_{Success: batchSuccess(outcome)}}, nil
	case node.Conflict:
		return batchError(codes.AlreadyExists, "WrongExpectedVersion", batchConflict(a.expected, outcome.Current))
	case node.Deleted:
		return batchError(codes.NotFound, "StreamDeleted", &shared.StreamDeleted{StreamIdentifier: a.id})
	}
	return nil, fmt.Errorf("the node answered a write with status %d", outcome.Status)
}

func batchSuccess(outcome node.Outcome) *streams.BatchAppendResp_Success {
	success := &streams.BatchAppendResp_Success{
		CurrentRevisionOption: &streams.BatchAppendResp_Success_CurrentRevision{CurrentRevision: uint64(outcome.Last)},
		PositionOption: &streams.BatchAppendResp_Success_Position{Position: &shared.AllStreamPosition{
			CommitPosition:  uint64(outcome.Position),
			PreparePosition: uint64(outcome.Position),
		}},
	}
	if outcome.Last < 0 {
		success.CurrentRevisionOption = &streams.BatchAppendResp_Success_NoStream{NoStream: &emptypb.Empty{}}
	}
	if outcome.Position == events.Beginning || outcome.Hidden {
		success.PositionOption = &streams.BatchAppendResp_Success_NoPosition{NoPosition: &emptypb.Empty{}}
	}
	return success
}

func batchConflict(expected events.Expected, actual int64) *shared.WrongExpectedVersion {
	none := &emptypb.Empty{}
	wrong := &shared.WrongExpectedVersion{
		CurrentStreamRevisionOption: &shared.WrongExpectedVersion_CurrentStreamRevision{CurrentStreamRevision: uint64(actual)},
	}
	if actual < 0 {
		wrong.CurrentStreamRevisionOption = &shared.WrongExpectedVersion_CurrentNoStream{CurrentNoStream: none}
	}
	switch expected {
	case events.Any:
		wrong.ExpectedStreamPositionOption = &shared.WrongExpectedVersion_ExpectedAny{ExpectedAny: none}
	case events.StreamExists:
		wrong.ExpectedStreamPositionOption = &shared.WrongExpectedVersion_ExpectedStreamExists{ExpectedStreamExists: none}
	case events.NoStream:
		wrong.ExpectedStreamPositionOption = &shared.WrongExpectedVersion_ExpectedNoStream{ExpectedNoStream: none}
	default:
		wrong.ExpectedStreamPositionOption = &shared.WrongExpectedVersion_ExpectedStreamPosition{ExpectedStreamPosition: uint64(expected)}
	}
	return wrong
}

// batchRefusal is the answer to one append that was not decided. It is an error
// if the whole call cannot go on.
func batchRefusal(err error) (*streams.BatchAppendResp, error) {
	var known *fault
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return batchError(codes.DeadlineExceeded, "Timeout", &shared.Timeout{})
	case errors.Is(err, events.ErrTooLarge), errors.Is(err, errAppendTooBig):
		return batchError(codes.InvalidArgument, errAppendTooBig.text, &shared.MaximumAppendSizeExceeded{MaxAppendSize: events.MaxAppendBytes})
	case errors.Is(err, errAccessDenied):
		return batchError(codes.PermissionDenied, errAccessDenied.text, &shared.AccessDenied{})
	case errors.Is(err, errUnhandled):
		return batchError(codes.Unknown, "Unknown", &shared.Unknown{})
	case errors.Is(err, events.ErrInvalid), errors.As(err, &known):
		return batchError(codes.InvalidArgument, err.Error(), &shared.BadRequest{Message: err.Error()})
	}
	return nil, err
}

func batchError(code codes.Code, message string, detail proto.Message) (*streams.BatchAppendResp, error) {
	details, err := anypb.New(detail)
	if err != nil {
		return nil, fmt.Errorf("encode the answer %s: %w", message, err)
	}
	return &streams.BatchAppendResp{Result: &streams.BatchAppendResp_Error{
		Error: &status.Status{Code: int32(code), Message: message, Details: []*anypb.Any{details}},
	}}, nil
}
