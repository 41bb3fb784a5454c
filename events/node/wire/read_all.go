package wire

import (
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"

	"parley/events"
	"parley/events/node"
)

// readAll sends up to count events of the log that pass the filter.
func (r *reading) readAll(options *streams.ReadReq_Options_AllOptions, count uint64) error {
	from, err := r.allStart(options)
	if err != nil || count == 0 {
		return err
	}
	for event, err := range r.service.node.ScanAll(r.ctx, from, r.direction, 0) {
		if err != nil {
			return err
		}
		if node.HiddenFromAll(event.Stream) || !r.filter.passes(event.Stream, event.Type) {
			continue
		}
		if err := r.send(event); err != nil {
			return err
		}
		if count--; count == 0 {
			return nil
		}
	}
	return nil
}

// allStart is the position a read or subscription begins at, if the caller may
// read $all.
func (r *reading) allStart(options *streams.ReadReq_Options_AllOptions) (events.Position, error) {
	if err := allow(r.ctx, r.service.node, node.AllStream, node.MayRead); err != nil {
		return 0, err
	}
	switch option := options.GetAllOption().(type) {
	case *streams.ReadReq_Options_AllOptions_Start:
		return events.Beginning, nil
	case *streams.ReadReq_Options_AllOptions_End:
		return events.End, nil
	case *streams.ReadReq_Options_AllOptions_Position:
		position := option.Position
		if position.GetCommitPosition() < position.GetPreparePosition() {
			return 0, errUnhandled
		}
		return events.Position(position.GetCommitPosition()), nil
	}
	return 0, errInvalid("None", "AllOption")
}
