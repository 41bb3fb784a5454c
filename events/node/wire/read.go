package wire

import (
	"context"
	"math"
	"strconv"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"

	"parley/events"
)

// Read serves one stream or $all, in either direction, as many events as asked
// for or as a subscription.
func (s *streamsService) Read(request *streams.ReadReq, call streams.Streams_ReadServer) error {
	options := request.GetOptions()
	r, err := newReading(s, options, call)
	if err != nil {
		return err
	}
	_, all := options.GetStreamOption().(*streams.ReadReq_Options_All)
	_, subscription := options.GetCountOption().(*streams.ReadReq_Options_Subscription)
	switch {
	case all && subscription:
		return r.subscribeAll(options.GetAll())
	case all:
		return r.readAll(options.GetAll(), options.GetCount())
	case subscription:
		return r.subscribeStream(options.GetStream())
	}
	return r.readStream(options.GetStream(), options.GetCount(), options.GetControlOption().GetCompatibility() >= 1)
}

// reading is one Read call.
type reading struct {
	service   *streamsService
	ctx       context.Context
	call      streams.Streams_ReadServer
	direction events.Direction
	links     resolver
	filter    *filter
	encoder   encoder
	// event and message are what is being sent; here, they need no memory of
	// their own.
	event   events.Recorded
	message encoded
}

// newReading checks that the options make sense together.
func newReading(s *streamsService, options *streams.ReadReq_Options, call streams.Streams_ReadServer) (*reading, error) {
	if options == nil {
		return nil, errRequired("options", "Options")
	}
	if options.GetUuidOption().GetContent() == nil {
		return nil, errRequired("uuidOption", "UUIDOption")
	}
	r := &reading{
		service:   s,
		ctx:       call.Context(),
		call:      call,
		direction: options.GetReadDirection() == streams.ReadReq_Options_Backwards,
		links:     resolver{node: s.node, enabled: options.GetResolveLinks()},
	}
	_, r.encoder.stringIDs = options.GetUuidOption().GetContent().(*streams.ReadReq_Options_UUIDOption_String_)
	if err := checkCombination(options); err != nil {
		return nil, err
	}
	if options.GetFilter() != nil {
		var err error
		if r.filter, err = newFilter(options.GetFilter()); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// checkCombination refuses the options that do not go together: a subscription
// only looks forwards, a filter only belongs to $all.
func checkCombination(options *streams.ReadReq_Options) error {
	source, count, filtered := "None", "None", "NoFilter"
	switch options.GetStreamOption().(type) {
	case *streams.ReadReq_Options_Stream:
		source = "Stream"
	case *streams.ReadReq_Options_All:
		source = "All"
	}
	switch options.GetCountOption().(type) {
	case *streams.ReadReq_Options_Count:
		count = "Count"
	case *streams.ReadReq_Options_Subscription:
		count = "Subscription"
	}
	if options.GetFilter() != nil {
		filtered = "Filter"
	}
	backwards := options.GetReadDirection() != streams.ReadReq_Options_Forwards
	if source == "None" || count == "None" || filtered == "Filter" && source != "All" || count == "Subscription" && backwards {
		return errCombination(source, count, options.GetReadDirection(), filtered)
	}
	return nil
}

// send sends an event as the reader wants it.
func (r *reading) send(event events.Recorded) error {
	r.event = event
	found, err := r.links.resolve(r.ctx, &r.event)
	if err != nil {
		return err
	}
	return r.sendEncoded(r.encoder.event(found))
}

func (r *reading) sendEncoded(message encoded) error {
	r.message = message
	return r.call.SendMsg(&r.message)
}

// limitOf is a count as the node takes it, where 0 means no limit.
func limitOf(count uint64) int { return int(min(count, math.MaxInt)) }

// revisionOf reads a start revision, which is a signed number on the server's
// side.
func revisionOf(revision uint64) (int64, error) {
	if revision > math.MaxInt64 {
		return 0, errInvalid(strconv.FormatUint(revision, 10), "StreamRevision")
	}
	return int64(revision), nil
}
