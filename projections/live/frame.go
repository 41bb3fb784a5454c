package live

import (
	"strconv"

	"parley/events"
)

// Frame is one event as all its readers get it, encoded once: an event of
// server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html),
// in a chunk of HTTP/1.1 (RFC 9112, section 7.1). It is not changed once made.
type Frame struct {
	// Position is the event's place in the log, or 0 for what is not in it.
	Position events.Position

	chunk      []byte
	begin, end int // of the event in the chunk
}

// NewFrame makes a frame of an event's name and data, which must be JSON on
// one line. With a position it has an id to resume from.
func NewFrame(position events.Position, name string, data []byte) *Frame {
	event := make([]byte, 0, len("id: event: data: ")+len(name)+len(data)+24)
	if position > events.Beginning {
		event = appendID(event, position)
	}
	event = append(append(event, "event: "...), name...)
	event = append(append(event, "\ndata: "...), data...)
	return wrap(position, append(event, "\n\n"...))
}

// Opening is what a stream begins with: how long a reader is to wait before it
// comes back, in milliseconds, and the position it can resume from. No reader
// is shown an event for it.
func Opening(retry int, position events.Position) *Frame {
	event := strconv.AppendInt([]byte("retry: "), int64(retry), 10)
	return wrap(0, append(appendID(append(event, '\n'), position), '\n'))
}

// Heartbeat is a comment, which keeps a connection from looking dead.
var Heartbeat = wrap(0, []byte(":\n\n"))

func appendID(event []byte, position events.Position) []byte {
	event = strconv.AppendUint(append(event, "id: "...), uint64(position), 10)
	return append(event, '\n')
}

func wrap(position events.Position, event []byte) *Frame {
	chunk := make([]byte, 0, len(event)+16)
	chunk = strconv.AppendInt(chunk, int64(len(event)), 16)
	chunk = append(chunk, "\r\n"...)
	begin := len(chunk)
	chunk = append(chunk, event...)
	return &Frame{position, append(chunk, "\r\n"...), begin, begin + len(event)}
}

// Event is the frame as server-sent events have it.
func (f *Frame) Event() []byte { return f.chunk[f.begin:f.end] }

// Chunk is the frame as a chunk of HTTP/1.1.
func (f *Frame) Chunk() []byte { return f.chunk }
