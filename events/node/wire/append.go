package wire

import (
	"fmt"
	"io"
	"math"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"

	"parley/events"
	"parley/events/node"
)

// Append stores the events of one call atomically. A wrong expected revision
// is an answer of its own, not a status.
func (s *streamsService) Append(call streams.Streams_AppendServer) error {
	stream, expected, err := appendOptions(call)
	if err == nil {
		err = allow(call.Context(), s.node, stream, node.MayWrite)
	}
	if err != nil {
		return err
	}
	var batch proposal
	for {
		request, err := call.Recv()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		message := request.GetProposedMessage()
		if message == nil {
			return errUnhandled
		}
		if err := batch.add(message); err != nil {
			return err
		}
	}
	outcome, err := s.node.Write(call.Context(), stream, expected, batch.events)
	if err != nil {
		return err
	}
	response, err := appendResponse(stream, expected, outcome)
	if err != nil {
		return err
	}
	return call.SendAndClose(response)
}

func appendOptions(call streams.Streams_AppendServer) (stream string, expected events.Expected, err error) {
	request, err := call.Recv()
	if err == io.EOF {
		return "", 0, errUnhandled
	}
	if err != nil {
		return "", 0, err
	}
	options := request.GetOptions()
	if options == nil {
		return "", 0, errUnhandled
	}
	if expected, err = expectedRevision(options, options.GetExpectedStreamRevision() != nil); err != nil {
		return "", 0, err
	}
	stream, err = writableName(options.GetStreamIdentifier())
	return stream, expected, err
}

func appendResponse(stream string, expected events.Expected, outcome node.Outcome) (*streams.AppendResp, error) {
	switch outcome.Status {
	case node.Written, node.Repeated:
		return &streams.AppendResp{Result: &streams.AppendResp_Success_{Success: appendSuccess(outcome)}}, nil
	case node.Conflict:
		return &streams.AppendResp{Result: &streams.AppendResp_WrongExpectedVersion_{
			WrongExpectedVersion: wrongExpectedVersion(expected, outcome.Current),
		}}, nil
	case node.Deleted:
		return nil, errStreamDeleted(stream)
	}
	return nil, fmt.Errorf("the node answered a write with status %d", outcome.Status)
}

func appendSuccess(outcome node.Outcome) *streams.AppendResp_Success {
	success := &streams.AppendResp_Success{
		CurrentRevisionOption: &streams.AppendResp_Success_CurrentRevision{CurrentRevision: uint64(outcome.Last)},
		PositionOption: &streams.AppendResp_Success_Position{Position: &streams.AppendResp_Position{
			CommitPosition:  uint64(outcome.Position),
			PreparePosition: uint64(outcome.Position),
		}},
	}
	if outcome.Last < 0 {
		success.CurrentRevisionOption = &streams.AppendResp_Success_NoStream{NoStream: &shared.Empty{}}
	}
	if outcome.Position == events.Beginning || outcome.Hidden {
		success.PositionOption = &streams.AppendResp_Success_NoPosition{NoPosition: &shared.Empty{}}
	}
	return success
}

// wrongExpectedVersion fills the fields of both generations of clients.
func wrongExpectedVersion(expected events.Expected, actual int64) *streams.AppendResp_WrongExpectedVersion {
	none := &shared.Empty{}
	wrong := &streams.AppendResp_WrongExpectedVersion{
		CurrentRevisionOption_20_6_0: &streams.AppendResp_WrongExpectedVersion_CurrentRevision_20_6_0{CurrentRevision_20_6_0: uint64(actual)},
		CurrentRevisionOption:        &streams.AppendResp_WrongExpectedVersion_CurrentRevision{CurrentRevision: uint64(actual)},
	}
	if actual < 0 {
		wrong.CurrentRevisionOption_20_6_0 = &streams.AppendResp_WrongExpectedVersion_NoStream_20_6_0{NoStream_20_6_0: none}
		wrong.CurrentRevisionOption = &streams.AppendResp_WrongExpectedVersion_CurrentNoStream{CurrentNoStream: none}
	}
	switch expected {
	case events.Any:
		wrong.ExpectedRevisionOption_20_6_0 = &streams.AppendResp_WrongExpectedVersion_Any_20_6_0{Any_20_6_0: none}
		wrong.ExpectedRevisionOption = &streams.AppendResp_WrongExpectedVersion_ExpectedAny{ExpectedAny: none}
	case events.StreamExists:
		wrong.ExpectedRevisionOption_20_6_0 = &streams.AppendResp_WrongExpectedVersion_StreamExists_20_6_0{StreamExists_20_6_0: none}
		wrong.ExpectedRevisionOption = &streams.AppendResp_WrongExpectedVersion_ExpectedStreamExists{ExpectedStreamExists: none}
	case events.NoStream:
		wrong.ExpectedRevisionOption_20_6_0 = &streams.AppendResp_WrongExpectedVersion_ExpectedRevision_20_6_0{ExpectedRevision_20_6_0: math.MaxUint64}
		wrong.ExpectedRevisionOption = &streams.AppendResp_WrongExpectedVersion_ExpectedNoStream{ExpectedNoStream: none}
	default:
		wrong.ExpectedRevisionOption_20_6_0 = &streams.AppendResp_WrongExpectedVersion_ExpectedRevision_20_6_0{ExpectedRevision_20_6_0: uint64(expected)}
		wrong.ExpectedRevisionOption = &streams.AppendResp_WrongExpectedVersion_ExpectedRevision{ExpectedRevision: uint64(expected)}
	}
	return wrong
}
