package node

import (
	"context"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"

	"parley/events"
)

// request is what one caller asks of the writer.
type request struct {
	kind requestKind
	part
	// more are further appends that happen in the same commit or not at all.
	more []part
	// bytes is what the events take.
	bytes int
	// done has room for the one answer, so that the writer never waits for a
	// caller that has gone.
	done chan answer
}

// part is what is to become of one stream.
type part struct {
	stream   string
	expected events.Expected
	entries  []entry
	ids      []uuid.UUID
}

type requestKind uint8

const (
	appendEvents requestKind = iota
	deleteStream
	tombstoneStream
)

type answer struct {
	outcome Outcome
	// more are the outcomes of the request's further appends, or none if they
	// did not happen.
	more []Outcome
	err  error
}

// Write appends events to a stream, deciding as the protocol does. The error
// is not nil only if nothing was decided: events.ErrInvalid, ErrTooLarge,
// ErrUnavailable, or the context's; with the last two the write may still
// happen.
//
// Metadata is written like any other event, to the stream named "$$" and the
// stream it describes.
func (n *Node) Write(ctx context.Context, stream string, expected events.Expected, batch []events.Proposed) (Outcome, error) {
	p, err := n.Submit(ctx, stream, expected, batch)
	if err != nil {
		return Outcome{}, err
	}
	return p.Wait(ctx)
}

// Pending is a write that has its place among all writes and waits for its
// commit.
type Pending struct {
	node    *Node
	request *request
}

// Submit is the first half of Write: it returns when the append has its place,
// so that appends submitted one after the other are decided in that order.
func (n *Node) Submit(ctx context.Context, stream string, expected events.Expected, batch []events.Proposed) (Pending, error) {
	if err := checkWrite(stream, expected); err != nil {
		return Pending{}, err
	}
	if err := checkEvents(batch); err != nil {
		return Pending{}, err
	}
	return n.submit(ctx, newRequest(newPart(stream, expected, batch)))
}

func newPart(stream string, expected events.Expected, batch []events.Proposed) part {
	p := part{stream: stream, expected: expected, entries: pack(stream, batch), ids: make([]uuid.UUID, len(batch))}
	for i := range batch {
		p.ids[i] = batch[i].ID
	}
	return p
}

// newRequest is one to append.
func newRequest(first part, more ...part) *request {
	r := &request{kind: appendEvents, part: first, more: more}
	r.bytes = first.size()
	for i := range more {
		r.bytes += more[i].size()
	}
	return r
}

func (p *part) size() (size int) {
	for i := range p.entries {
		size += len(p.entries[i].packed)
	}
	return size
}

// Delete soft-deletes a stream: its events are no longer read from it, and the
// next write recreates it. Its metadata is replaced. Errors are as Write's.
func (n *Node) Delete(ctx context.Context, stream string, expected events.Expected) (Outcome, error) {
	return n.remove(ctx, deleteStream, stream, expected)
}

// Tombstone deletes a stream for good, whether it has events or not. Errors
// are as Write's.
func (n *Node) Tombstone(ctx context.Context, stream string, expected events.Expected) (Outcome, error) {
	return n.remove(ctx, tombstoneStream, stream, expected)
}

func (n *Node) remove(ctx context.Context, kind requestKind, stream string, expected events.Expected) (Outcome, error) {
	if err := checkWrite(stream, expected); err != nil {
		return Outcome{}, err
	}
	if strings.HasPrefix(stream, MetastreamPrefix) {
		return Outcome{}, fmt.Errorf("%w: %s is a stream's metadata and goes with it", events.ErrInvalid, stream)
	}
	p, err := n.submit(ctx, &request{kind: kind, part: part{stream: stream, expected: expected, ids: []uuid.UUID{n.options.NewID()}}})
	if err != nil {
		return Outcome{}, err
	}
	return p.Wait(ctx)
}

func (n *Node) submit(ctx context.Context, r *request) (Pending, error) {
	if err := ctx.Err(); err != nil {
		return Pending{}, err
	}
	if n.keeps(r.stream) {
		return Pending{}, fmt.Errorf("%w: %s is made by the node itself", events.ErrInvalid, r.stream)
	}
	r.done = make(chan answer, 1)
	select {
	case <-n.health.down:
		return Pending{}, n.health.err()
	default:
	}
	select {
	case n.requests <- r:
		return Pending{node: n, request: r}, nil
	case <-ctx.Done():
		return Pending{}, ctx.Err()
	case <-n.health.down:
		return Pending{}, n.health.err()
	}
}

// Wait is the second half of Write; it is called once.
func (p Pending) Wait(ctx context.Context) (Outcome, error) {
	a := p.wait(ctx)
	return a.outcome, a.err
}

func (p Pending) wait(ctx context.Context) answer {
	select {
	case a := <-p.request.done:
		return a
	case <-ctx.Done():
		return answer{err: ctx.Err()}
	case <-p.node.health.down:
		return p.request.answered(p.node.health.err())
	}
}

// answered prefers the answer that came while the node went down.
func (r *request) answered(down error) answer {
	select {
	case a := <-r.done:
		return a
	default:
		return answer{err: down}
	}
}

func checkWrite(stream string, expected events.Expected) error {
	switch {
	case stream == "" || stream == MetastreamPrefix:
		return fmt.Errorf("%w: the stream has no name", events.ErrInvalid)
	case stream == AllStream:
		return fmt.Errorf("%w: %s cannot be written to", events.ErrInvalid, AllStream)
	case len(stream) > maxStreamName:
		return fmt.Errorf("%w: the stream's name is longer than %d bytes", events.ErrInvalid, maxStreamName)
	case !utf8.ValidString(stream):
		return fmt.Errorf("%w: the stream's name is not UTF-8", events.ErrInvalid)
	case expected < 0 && expected != events.Any && expected != events.NoStream && expected != events.StreamExists:
		return fmt.Errorf("%w: expected revision %d", events.ErrInvalid, int64(expected))
	}
	return nil
}

// maxStreamName keeps keys small; the protocol sets no limit.
const maxStreamName = 4096

func checkEvents(batch []events.Proposed) error {
	size := 0
	for i := range batch {
		p := &batch[i]
		switch {
		case p.ID == uuid.Nil:
			return fmt.Errorf("%w: event %d has no id", events.ErrInvalid, i)
		case p.Type == "":
			return fmt.Errorf("%w: event %d has no type", events.ErrInvalid, i)
		case !utf8.ValidString(p.Type):
			return fmt.Errorf("%w: the type of event %d is not UTF-8", events.ErrInvalid, i)
		}
		size += len(p.Data) + len(p.Metadata) + 2*utf16Length(p.Type)
	}
	if size > events.MaxAppendBytes {
		return fmt.Errorf("%w: %d bytes, at most %d are allowed", events.ErrTooLarge, size, events.MaxAppendBytes)
	}
	return nil
}

// utf16Length counts what a type takes in UTF-16, the protocol's measure.
func utf16Length(s string) int {
	length := 0
	for _, r := range s {
		length++
		if r > 0xffff {
			length++
		}
	}
	return length
}
