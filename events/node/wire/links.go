package wire

import (
	"context"
	"errors"

	"parley/events"
	"parley/events/node"
)

// resolver follows links for a reader who asked for it.
type resolver struct {
	node    *node.Node
	enabled bool
}

// resolve finds what an event that links to another points to. The event is
// its own result if it is no link or cannot be understood as one. What the
// caller may not read is as if it were gone: a link gives no right to its
// target.
func (r resolver) resolve(ctx context.Context, event *events.Recorded) (resolved, error) {
	if !r.enabled {
		return resolved{event: event}, nil
	}
	if stream, _, ok := node.LinkTarget(event); ok {
		switch err := allow(ctx, r.node, stream, node.MayRead); {
		case errors.Is(err, errAccessDenied):
			return resolved{link: event}, nil
		case err != nil:
			return resolved{}, err
		}
	}
	target, link, err := r.node.Resolve(ctx, event)
	return resolved{event: target, link: link}, err
}
