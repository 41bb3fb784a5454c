package handlers

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"parley/projections/live"
)

// takenOutlet is a connection of HTTP/1.1, taken over from net/http. Nothing
// more is expected of its reader, so that the one goroutine that waits for it
// to hang up writes, too: to wake it is to let its wait time out.
type takenOutlet struct {
	conn     net.Conn
	patience time.Duration
	heard    [1]byte
}

// takeOver answers with the header that is set and takes the connection. It is
// false, and nothing has happened, if that cannot be done.
func takeOver(w http.ResponseWriter, r *http.Request, patience time.Duration) (*takenOutlet, bool) {
	if r.ProtoMajor != 1 || r.ProtoMinor < 1 {
		return nil, false
	}
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return nil, false
	}
	o := &takenOutlet{conn: conn, patience: patience}
	head := bytes.NewBufferString("HTTP/1.1 200 OK\r\n")
	header := w.Header()
	header.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	header.Set("Transfer-Encoding", "chunked")
	header.Set("Connection", "close")
	_ = header.Write(head) // to memory
	head.WriteString("\r\n")
	_ = o.write(head.Bytes()) // who is gone already does not take the first frame either
	return o, true
}

func (o *takenOutlet) write(data []byte) error {
	if err := o.conn.SetWriteDeadline(time.Now().Add(o.patience)); err != nil {
		return err
	}
	_, err := o.conn.Write(data)
	return err
}

// batches are buffers for frames that are sent together.
var batches = sync.Pool{New: func() any { return new([]byte) }}

// batchBytes is about how much is sent at once.
const batchBytes = 64 << 10

func (o *takenOutlet) send(frames []*live.Frame) error {
	if len(frames) == 1 {
		return o.write(frames[0].Chunk())
	}
	batch := batches.Get().(*[]byte)
	defer batches.Put(batch)
	for len(frames) > 0 {
		*batch = (*batch)[:0]
		for len(frames) > 0 && (len(*batch) == 0 || len(*batch)+len(frames[0].Chunk()) <= batchBytes) {
			*batch = append(*batch, frames[0].Chunk()...)
			frames = frames[1:]
		}
		if err := o.write(*batch); err != nil {
			return err
		}
	}
	return nil
}

// rest ends with whatever the reader says: there is nothing left to be said but
// that it hangs up.
func (o *takenOutlet) rest(s *live.Subscription, until time.Time) (left bool) {
	if !s.Rest(func() { _ = o.conn.SetReadDeadline(until) }) {
		return false
	}
	_, err := o.conn.Read(o.heard[:])
	return !errors.Is(err, os.ErrDeadlineExceeded)
}

// longAgo is a deadline that has passed.
var longAgo = time.Unix(1, 0)

func (o *takenOutlet) wake() { _ = o.conn.SetReadDeadline(longAgo) }

func (o *takenOutlet) close(whole bool) {
	if whole {
		_ = o.write([]byte("0\r\n\r\n")) // the last chunk
	}
	_ = o.conn.Close() // nobody is left who could be told
}

// heldOutlet is an answer that goes through net/http: of HTTP/2 and HTTP/1.0.
type heldOutlet struct {
	w          http.ResponseWriter
	connection *http.ResponseController
	ctx        context.Context // of the request
	patience   time.Duration
	woken      chan struct{}
}

func hold(w http.ResponseWriter, r *http.Request, patience time.Duration) *heldOutlet {
	w.WriteHeader(http.StatusOK)
	return &heldOutlet{w, http.NewResponseController(w), r.Context(), patience, make(chan struct{}, 1)}
}

func (o *heldOutlet) send(frames []*live.Frame) error {
	if err := o.connection.SetWriteDeadline(time.Now().Add(o.patience)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	for _, frame := range frames {
		if _, err := o.w.Write(frame.Event()); err != nil {
			return fmt.Errorf("sending a frame: %w", err)
		}
	}
	return o.connection.Flush()
}

func (o *heldOutlet) rest(s *live.Subscription, until time.Time) (left bool) {
	if !s.Rest(func() {}) {
		return false
	}
	timer := time.NewTimer(time.Until(until))
	defer timer.Stop()
	select {
	case <-o.ctx.Done():
		return true
	case <-o.woken:
	case <-timer.C:
	}
	return false
}

func (o *heldOutlet) wake() {
	select {
	case o.woken <- struct{}{}:
	default: // it is awake
	}
}

func (o *heldOutlet) close(bool) {}
