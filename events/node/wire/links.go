package wire

import (
	"context"

	"parley/events"
	"parley/events/node"
)

// resolver follows links for a reader who asked for it.
type resolver struct {
	node    *node.Node
	enabled bool
}

// resolve finds what an event that links to another points to. The event is
// its own result if it is no link or cannot be understood as one.
func (r resolver) resolve(ctx context.Context, event *events.Recorded) (resolved, error) {
	if !r.enabled {
		return resolved{event: event}, nil
	}
	target, link, err := r.node.Resolve(ctx, event)
	return resolved{event: target, link: link}, err
}
