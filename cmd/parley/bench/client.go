package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"
)

// conn is one keep-alive connection: an HTTP/1.1 client reduced to what a
// load generator needs. net/http's own client takes more processor time for a
// request than a bare server, so that on a small machine it would measure
// itself. This one sends bytes that were prepared before, reads answers that
// have a Content-Length or come in chunks, and allocates nothing for either.
type conn struct {
	net.Conn
	// buffer holds the last answer; it grows to the largest one.
	buffer []byte
	// forget detaches the connection from the context it was dialled with.
	forget func() bool
}

// response is an answer as it lies in its connection's buffer: it holds until
// the next exchange.
type response struct {
	status int
	// header is the header's lines with their line ends, the status line left
	// out.
	header []byte
	body   []byte
}

// maxResponse bounds what an answer may take in memory.
const maxResponse = 16 << 20

// dial connects; when the context ends, an exchange under way fails.
func dial(ctx context.Context, address string) (*conn, error) {
	var dialer net.Dialer
	c, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	interrupt := context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Unix(1, 0)) })
	return &conn{Conn: c, buffer: make([]byte, 4096), forget: interrupt}, nil
}

func (c *conn) Close() error {
	c.forget()
	return c.Conn.Close()
}

// exchange sends a whole request and reads its answer.
func (c *conn) exchange(request []byte) (response, error) {
	if _, err := c.Write(request); err != nil {
		return response{}, err
	}
	filled, head := 0, 0
	for head == 0 {
		n, err := c.more(filled)
		if err != nil {
			return response{}, err
		}
		// The end of the header may have been cut in two by the last read.
		from := max(0, filled-len(blankLine)+1)
		filled += n
		if i := bytes.Index(c.buffer[from:filled], blankLine); i >= 0 {
			head = from + i + len(blankLine)
		}
	}
	r, length, err := parseHead(c.buffer[:head])
	if err != nil {
		return response{}, err
	}
	if length == inChunks {
		return c.chunked(r, head, filled)
	}
	for filled < head+length {
		n, err := c.more(filled)
		if err != nil {
			return response{}, err
		}
		filled += n
	}
	if filled > head+length {
		return response{}, fmt.Errorf("%d bytes follow the answer", filled-head-length)
	}
	return c.lying(r, head, filled), nil
}

// lying is an answer as it lies in the buffer. Growing may have moved it since
// the header was read.
func (c *conn) lying(r response, head, end int) response {
	r.header = c.buffer[head-len(r.header)-len(lineEnd) : head-len(lineEnd)]
	r.body = c.buffer[head:end]
	return r
}

// chunked reads a body in chunks (RFC 9112, section 7.1), without trailers, and
// puts them together where they lie.
func (c *conn) chunked(r response, head, filled int) (response, error) {
	next, end := head, head // what is to be read, and where the body ends
	for {
		line := bytes.Index(c.buffer[next:filled], lineEnd)
		size := uint64(0)
		if line >= 0 {
			var err error
			if size, err = strconv.ParseUint(string(c.buffer[next:next+line]), 16, 32); err != nil {
				return response{}, fmt.Errorf("a chunk: %w", err)
			}
		}
		whole := next + line + 2*len(lineEnd) + int(size)
		if line < 0 || filled < whole {
			n, err := c.more(filled)
			if err != nil {
				return response{}, err
			}
			filled += n
			continue
		}
		begin := next + line + len(lineEnd)
		end += copy(c.buffer[end:], c.buffer[begin:begin+int(size)])
		next = whole
		if size > 0 {
			continue
		}
		if filled > next {
			return response{}, fmt.Errorf("%d bytes follow the answer", filled-next)
		}
		return c.lying(r, head, end), nil
	}
}

// more reads what comes next behind what is there.
func (c *conn) more(filled int) (int, error) {
	if filled == len(c.buffer) {
		if filled >= maxResponse {
			return 0, fmt.Errorf("the answer is longer than %d bytes", maxResponse)
		}
		grown := make([]byte, 2*len(c.buffer))
		copy(grown, c.buffer)
		c.buffer = grown
	}
	return c.Read(c.buffer[filled:])
}

var (
	lineEnd   = []byte("\r\n")
	blankLine = []byte("\r\n\r\n")
)

// parseHead reads a status line and a header, blank line included, and the
// length of the body that they announce.
func parseHead(head []byte) (response, int, error) {
	statusLine, header, found := bytes.Cut(head, lineEnd)
	if !found || len(statusLine) < len("HTTP/1.1 200") || !bytes.HasPrefix(statusLine, []byte("HTTP/1.1 ")) {
		return response{}, 0, fmt.Errorf("%q begins no answer", statusLine)
	}
	status, err := strconv.Atoi(string(statusLine[9:12]))
	if err != nil {
		return response{}, 0, fmt.Errorf("%q has no status", statusLine)
	}
	header = header[:len(header)-len(lineEnd)]
	length, err := contentLength(status, header)
	return response{status: status, header: header}, length, err
}

// inChunks is the length of a body that comes in chunks.
const inChunks = -1

var errNoLength = errors.New("the answer has no Content-Length")

func contentLength(status int, header []byte) (int, error) {
	if status == 204 || status == 304 {
		return 0, nil
	}
	value, found := headerValue(header, "Content-Length")
	if coding, _ := headerValue(header, "Transfer-Encoding"); !found && string(coding) == "chunked" {
		return inChunks, nil
	}
	if !found {
		return 0, errNoLength
	}
	length, err := strconv.Atoi(string(value))
	if err != nil || length < 0 || length > maxResponse {
		return 0, fmt.Errorf("the answer has a Content-Length of %q", value)
	}
	return length, nil
}

// headerValue finds a field in the lines of a header.
func headerValue(header []byte, name string) ([]byte, bool) {
	for len(header) > 0 {
		line, rest, _ := bytes.Cut(header, lineEnd)
		header = rest
		if len(line) > len(name) && line[len(name)] == ':' && bytes.EqualFold(line[:len(name)], []byte(name)) {
			return bytes.TrimSpace(line[len(name)+1:]), true
		}
	}
	return nil, false
}
