package wire

import (
	"context"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/google/uuid"

	"parley/events"
	"parley/events/node"
)

// liveBuffer is how many live events the protocol holds for a subscriber. One
// that falls further behind has to catch up, and is told when it has.
const liveBuffer = 32

// begin confirms a subscription and binds it to the server's life.
func (r *reading) begin() (end context.CancelFunc, err error) {
	ctx, cancel := context.WithCancel(r.ctx)
	release := context.AfterFunc(r.service.stopping, cancel)
	r.ctx = ctx
	end = func() {
		release()
		cancel()
	}
	confirmation := &streams.ReadResp_SubscriptionConfirmation{SubscriptionId: uuid.NewString()}
	err = r.call.Send(&streams.ReadResp{Content: &streams.ReadResp_Confirmation{Confirmation: confirmation}})
	return end, err
}

// ended is why a subscription stopped: the server, or what its reading says.
func (r *reading) ended(err error) error {
	if r.service.stopping.Err() != nil {
		return errNotReady
	}
	return err
}

// subscribeStream sends the events of a stream after a revision, those that are
// there and those to come. The stream need not exist.
func (r *reading) subscribeStream(options *streams.ReadReq_Options_StreamOptions) error {
	stream, err := r.readable(options)
	if err != nil {
		return err
	}
	next, fromEnd, err := r.firstRevision(options)
	if err != nil {
		return err
	}
	state, found, err := r.service.node.ReadStream(r.ctx, stream, uint64(next), events.Forwards, 0)
	if err != nil {
		return err
	}
	if state.Status == node.Tombstoned {
		return errStreamDeleted(stream)
	}
	end, err := r.begin()
	defer end()
	if err != nil {
		return err
	}
	if fromEnd {
		next = state.Last + 1
	} else {
		for event, err := range found {
			if err == nil {
				err = r.send(event)
			}
			if err != nil {
				return r.ended(err)
			}
			next = int64(event.Revision) + 1
		}
	}
	return r.ended(r.followStream(stream, next, state.Tip))
}

// firstRevision is the revision a subscription to a stream begins with: the one
// after that which the client has.
func (r *reading) firstRevision(options *streams.ReadReq_Options_StreamOptions) (next int64, fromEnd bool, err error) {
	switch option := options.GetRevisionOption().(type) {
	case *streams.ReadReq_Options_StreamOptions_Start:
		return 0, false, nil
	case *streams.ReadReq_Options_StreamOptions_End:
		return 0, true, nil
	case *streams.ReadReq_Options_StreamOptions_Revision:
		revision, err := revisionOf(option.Revision)
		if revision < node.TombstoneRevision {
			revision++
		}
		return revision, false, err
	}
	return 0, false, errInvalid("None", "RevisionOption")
}

// followStream sends a stream's events from a revision on as they are written
// after a position, until the stream is tombstoned.
func (r *reading) followStream(stream string, next int64, after events.Position) error {
	pace := pace{behind: true}
	for event, err := range r.service.node.FollowStream(r.ctx, stream, uint64(next), after) {
		switch {
		case err != nil:
			return err
		case event.IsMark():
			if err := pace.caughtUp(r); err != nil {
				return err
			}
		default:
			pace.sent()
			if err := r.send(event); err != nil {
				return err
			}
			if event.Type == node.TypeStreamDeleted {
				return errStreamDeleted(stream)
			}
		}
	}
	return nil
}

// subscribeAll sends the log's events after a position, those that are there
// and those to come, and with a filter also how far it has looked.
func (r *reading) subscribeAll(options *streams.ReadReq_Options_AllOptions) error {
	after, err := r.allStart(options)
	if err != nil {
		return err
	}
	if r.filter != nil && r.filter.interval == 0 {
		return errUnhandled
	}
	switch tip := r.service.node.Tip(); {
	case after == events.End:
		after = tip
	case after > tip:
		return errInvalidPosition
	}
	end, err := r.begin()
	defer end()
	if err != nil {
		return err
	}
	return r.ended(r.followAll(after))
}

func (r *reading) followAll(after events.Position) error {
	pace := pace{behind: true}
	progress := progress{reading: r, told: after, seen: after}
	for event, err := range r.service.node.FollowAll(r.ctx, after) {
		switch {
		case err != nil:
			return err
		case event.IsMark():
			if pace.behind {
				err = progress.tell()
			}
			if err == nil {
				err = pace.caughtUp(r)
			}
		default:
			if !node.HiddenFromAll(event.Stream) && r.filter.passes(event.Stream, event.Type) {
				pace.sent()
				err = r.send(event)
			}
			if err == nil {
				err = progress.considered(event.Position)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// pace tells a subscriber that it has caught up: at first, and whenever it had
// fallen behind.
type pace struct {
	behind bool
	burst  int
}

func (p *pace) sent() {
	if p.burst++; p.burst > liveBuffer {
		p.behind = true
	}
}

func (p *pace) caughtUp(r *reading) error {
	p.burst = 0
	if !p.behind {
		return nil
	}
	p.behind = false
	return r.call.Send(&streams.ReadResp{Content: &streams.ReadResp_CaughtUp_{CaughtUp: &streams.ReadResp_CaughtUp{}}})
}

// progress tells a filtered subscription how far the filter has looked: once
// in an interval, and when it has caught up. Unfiltered ones are told nothing.
type progress struct {
	reading *reading
	count   uint64
	// seen is the last event considered, told the last checkpoint sent.
	seen, told events.Position
}

func (p *progress) considered(position events.Position) error {
	if p.reading.filter == nil {
		return nil
	}
	p.seen = position
	if p.count++; p.count < p.reading.filter.interval {
		return nil
	}
	return p.tell()
}

func (p *progress) tell() error {
	if p.reading.filter == nil || p.seen <= p.told {
		return nil
	}
	p.count = 0
	p.told = p.seen
	return p.reading.sendEncoded(p.reading.encoder.checkpoint(p.seen))
}
