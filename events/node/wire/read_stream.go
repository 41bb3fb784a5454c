package wire

import (
	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"

	"parley/events"
	"parley/events/node"
)

// readPage is how many revisions the protocol's first page spans, which decides
// whether a reader is told of the first position.
const readPage = 32

// readStream sends up to count visible events of a stream. Readers who ask for
// compatibility are also told where the stream begins and ends.
func (r *reading) readStream(options *streams.ReadReq_Options_StreamOptions, count uint64, positions bool) error {
	stream, err := r.readable(options)
	if err != nil {
		return err
	}
	from, empty, err := r.startOf(options)
	if err != nil {
		return err
	}
	state, found, err := r.service.node.ReadStream(r.ctx, stream, from, r.direction, limitOf(count))
	if err != nil {
		return err
	}
	switch state.Status {
	case node.Tombstoned:
		return errStreamDeleted(stream)
	case node.Absent, node.SoftDeleted:
		return r.call.Send(streamNotFound(stream))
	}
	if positions && r.direction == events.Forwards && !empty {
		if err := r.sendFirstPosition(state, int64(from), count); err != nil {
			return err
		}
	}
	if !empty && count > 0 {
		for event, err := range found {
			if err != nil {
				return err
			}
			if err := r.send(event); err != nil {
				return err
			}
		}
	}
	if !positions {
		return nil
	}
	return r.call.Send(&streams.ReadResp{Content: &streams.ReadResp_LastStreamPosition{LastStreamPosition: uint64(state.Last)}})
}

// readable is the name of a stream that the caller may read.
func (r *reading) readable(options *streams.ReadReq_Options_StreamOptions) (string, error) {
	stream, err := streamName(options.GetStreamIdentifier())
	if err == nil {
		err = allow(r.ctx, r.service.node, stream, node.MayRead)
	}
	return stream, err
}

// startOf is the revision a read begins at; a forwards read from the end is
// empty.
func (r *reading) startOf(options *streams.ReadReq_Options_StreamOptions) (from uint64, empty bool, err error) {
	switch option := options.GetRevisionOption().(type) {
	case *streams.ReadReq_Options_StreamOptions_Start:
		return 0, false, nil
	case *streams.ReadReq_Options_StreamOptions_End:
		return events.LastRevision, r.direction == events.Forwards, nil
	case *streams.ReadReq_Options_StreamOptions_Revision:
		revision, err := revisionOf(option.Revision)
		return uint64(revision), false, err
	}
	return 0, false, errInvalid("None", "RevisionOption")
}

// sendFirstPosition tells where a reader goes on whose first page has nothing
// to show: at the first visible event, or after the last one.
func (r *reading) sendFirstPosition(state node.StreamState, from int64, count uint64) error {
	next := from
	lastOfPage := from + int64(min(count, readPage)) - 1
	switch {
	case from > state.Last:
		next = state.Last + 1
	case lastOfPage < state.First:
		next = state.First
	}
	if next == from {
		return nil
	}
	return r.call.Send(&streams.ReadResp{Content: &streams.ReadResp_FirstStreamPosition{FirstStreamPosition: uint64(next)}})
}

func streamNotFound(stream string) *streams.ReadResp {
	return &streams.ReadResp{Content: &streams.ReadResp_StreamNotFound_{StreamNotFound: &streams.ReadResp_StreamNotFound{
		StreamIdentifier: &shared.StreamIdentifier{StreamName: []byte(stream)},
	}}}
}
