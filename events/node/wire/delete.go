package wire

import (
	"context"
	"fmt"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"

	"parley/events"
	"parley/events/node"
)

// Delete hides a stream's events until it is written to again.
func (s *streamsService) Delete(ctx context.Context, request *streams.DeleteReq) (*streams.DeleteResp, error) {
	options := request.GetOptions()
	position, err := s.remove(ctx, s.node.Delete, options, options.GetExpectedStreamRevision() != nil)
	if err != nil {
		return nil, err
	}
	return &streams.DeleteResp{PositionOption: &streams.DeleteResp_Position_{Position: &streams.DeleteResp_Position{
		CommitPosition: position, PreparePosition: position,
	}}}, nil
}

// Tombstone deletes a stream for ever.
func (s *streamsService) Tombstone(ctx context.Context, request *streams.TombstoneReq) (*streams.TombstoneResp, error) {
	options := request.GetOptions()
	position, err := s.remove(ctx, s.node.Tombstone, options, options.GetExpectedStreamRevision() != nil)
	if err != nil {
		return nil, err
	}
	return &streams.TombstoneResp{PositionOption: &streams.TombstoneResp_Position_{Position: &streams.TombstoneResp_Position{
		CommitPosition: position, PreparePosition: position,
	}}}, nil
}

// removal is the node's way to delete or to tombstone.
type removal func(ctx context.Context, stream string, expected events.Expected) (node.Outcome, error)

type removeOptions interface {
	expectation
	GetStreamIdentifier() *shared.StreamIdentifier
}

// remove answers with the position of the event that removes the stream, which
// clients take for granted.
func (s *streamsService) remove(ctx context.Context, do removal, options removeOptions, set bool) (uint64, error) {
	expected, err := expectedRevision(options, set)
	if err != nil {
		return 0, err
	}
	stream, err := writableName(options.GetStreamIdentifier())
	if err == nil {
		err = allow(ctx, s.node, stream, node.MayDelete)
	}
	if err != nil {
		return 0, err
	}
	outcome, err := do(ctx, stream, expected)
	if err != nil {
		return 0, err
	}
	switch outcome.Status {
	case node.Written, node.Repeated:
		return uint64(outcome.Position), nil
	case node.Conflict:
		return 0, errDeleteConflict(stream, expected, outcome.Current)
	case node.Deleted:
		return 0, errStreamDeleted(stream)
	}
	return 0, fmt.Errorf("the node answered a removal with status %d", outcome.Status)
}
