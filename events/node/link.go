package node

import (
	"bytes"
	"context"
	"strconv"

	"parley/events"
)

// LinkTarget reads what a link points to: "revision@stream", in which the
// stream may contain an '@' too. It is false for an event that is no link, and
// for a link that says something else.
func LinkTarget(e *events.Recorded) (stream string, revision uint64, ok bool) {
	if e.Type != TypeLink {
		return "", 0, false
	}
	number, name, found := bytes.Cut(e.Data, []byte("@"))
	if !found || len(name) == 0 {
		return "", 0, false
	}
	revision, err := strconv.ParseUint(string(number), 10, 63)
	return string(name), revision, err == nil
}

// Resolve follows a link. It answers the event itself if that is no link; with
// a link, the event is what the link points to, nil if that is gone.
//
// Errors: as ReadEvent's.
func (n *Node) Resolve(ctx context.Context, e *events.Recorded) (event, link *events.Recorded, err error) {
	stream, revision, ok := LinkTarget(e)
	if !ok {
		return e, nil, nil
	}
	target, found, err := n.ReadEvent(ctx, stream, revision)
	if err != nil || !found {
		return nil, e, err
	}
	return &target, e, nil
}
