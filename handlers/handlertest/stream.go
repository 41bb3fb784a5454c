package handlertest

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"
)

// Event is one event of a stream.
type Event struct {
	// ID is empty if the event has none.
	ID, Name, Data string
}

// Stream is a live stream as a client reads it.
type Stream struct {
	house  *House
	body   io.ReadCloser
	lines  *bufio.Reader
	cancel context.CancelFunc
	// LastID is the id to resume from, and Retry how many milliseconds the
	// server asked to wait.
	LastID, Retry string
	// Presence has Next yield who comes and goes, too, which is told whenever it
	// is noticed.
	Presence bool
	// Heartbeats counts the comments so far.
	Heartbeats int
}

// patience bounds how long a test waits for a stream, which it does only when
// something is wrong.
const patience = time.Minute

// Stream opens a live stream, with the Last-Event-ID given if it is not empty,
// and reads its beginning. It is closed with the test.
func (c *Client) Stream(path, lastID string) *Stream {
	c.house.Helper()
	ctx, cancel := context.WithTimeout(c.house.Context(), patience)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.house.URL+path, nil)
	c.house.must(err)
	request.Header.Set("Authorization", "Bearer "+c.Token)
	if lastID != "" {
		request.Header.Set("Last-Event-ID", lastID)
	}
	response, err := http.DefaultClient.Do(request)
	c.house.must(err)
	s := &Stream{house: c.house, body: response.Body, lines: bufio.NewReader(response.Body), cancel: cancel}
	c.house.Cleanup(s.Close)
	if media := response.Header.Get("Content-Type"); response.StatusCode != http.StatusOK || media != "text/event-stream" {
		c.house.Fatalf("GET %s: status %d, %s", path, response.StatusCode, media)
	}
	if _, err := s.Read(); err != nil || s.LastID == "" || s.Retry == "" {
		c.house.Fatalf("GET %s: the stream begins with id %q, retry %q, %v", path, s.LastID, s.Retry, err)
	}
	return s
}

// Close hangs up.
func (s *Stream) Close() {
	s.cancel()
	_ = s.body.Close() // it was cut
}

// Next is the next event. At the end of a stream that is whole it fails with
// io.EOF.
func (s *Stream) Next() (Event, error) {
	for {
		event, err := s.Read()
		if err != nil || event.Name != "" && (s.Presence || event.Name != "presence") {
			return event, err
		}
	}
}

// Want is Next, which must have a name.
func (s *Stream) Want(name string) Event {
	s.house.Helper()
	event, err := s.Next()
	if err != nil || event.Name != name {
		s.house.Fatalf("the stream has %+v, %v; want %s", event, err, name)
	}
	return event
}

// WantEnd reads an end for the reason given, and nothing after it.
func (s *Stream) WantEnd(reason string) {
	s.house.Helper()
	if end := s.Want("end"); !strings.Contains(end.Data, `"reason":"`+reason+`"`) {
		s.house.Errorf("the stream ends with %s, want %s", end.Data, reason)
	}
	if event, err := s.Next(); !errors.Is(err, io.EOF) {
		s.house.Errorf("after the end: %+v, %v", event, err)
	}
}

// Read reads to the next empty line. The event has no name if that was a
// comment.
func (s *Stream) Read() (event Event, err error) {
	for {
		line, err := s.lines.ReadString('\n')
		if err != nil {
			return event, err
		}
		field, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		switch field {
		case "":
			return event, nil
		case "id":
			event.ID, s.LastID = value, value
		case "event":
			event.Name = value
		case "data":
			event.Data = value
		case "retry":
			s.Retry = value
		case ":":
			s.Heartbeats++
		}
	}
}
