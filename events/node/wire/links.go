package wire

import (
	"bytes"
	"context"
	"strconv"

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
	if !r.enabled || event.Type != node.TypeLink {
		return resolved{event: event}, nil
	}
	revision, stream, ok := parseLink(event.Data)
	if !ok {
		return resolved{event: event}, nil
	}
	target, found, err := r.node.ReadEvent(ctx, stream, revision)
	if err != nil {
		return resolved{}, err
	}
	if !found {
		return resolved{link: event}, nil
	}
	return resolved{event: &target, link: event}, nil
}

// parseLink reads "revision@stream"; the stream may contain an '@' too.
func parseLink(data []byte) (revision uint64, stream string, ok bool) {
	number, name, found := bytes.Cut(data, []byte("@"))
	if !found || len(name) == 0 {
		return 0, "", false
	}
	revision, err := strconv.ParseUint(string(number), 10, 63)
	return revision, string(name), err == nil
}
