package bench

import (
	"context"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
)

// appender is the least that a durable log can be: a file to which one
// goroutine appends all records that wait, with one sync for all of them.
type appender struct {
	file    *os.File
	waiting chan *appending
}

type appending struct {
	record []byte
	done   chan error // takes one answer without waiting
}

// newAppender appends to a new file until the context ends. The channel
// returned is closed when the file is.
func newAppender(ctx context.Context, path string, writers int) (*appender, <-chan error, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, nil, err
	}
	a := &appender{file: file, waiting: make(chan *appending, writers)}
	closed := make(chan error, 1)
	go func() {
		a.run(ctx)
		closed <- file.Close()
	}()
	return a, closed, nil
}

func (a *appender) run(ctx context.Context) {
	var group []*appending
	var joined []byte
	for {
		select {
		case <-ctx.Done():
			return
		case first := <-a.waiting:
			group = append(group[:0], first)
		}
		for more := true; more; {
			select {
			case next := <-a.waiting:
				group = append(group, next)
			default:
				more = false
			}
		}
		joined = joined[:0]
		for _, one := range group {
			joined = append(joined, one.record...)
		}
		_, err := a.file.Write(joined)
		if err == nil {
			err = a.file.Sync()
		}
		for _, one := range group {
			one.done <- err
		}
	}
}

// append returns when the record is on stable storage.
func (a *appender) append(ctx context.Context, record []byte) error {
	one := &appending{record, make(chan error, 1)}
	select {
	case a.waiting <- one:
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-one.done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// appendHandler is the control of sends: it reads the body, appends a record
// of recordSize bytes that begins with it, and sends the sample.
func appendHandler(a *appender, recordSize int, sample *sample) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err == nil {
			record := make([]byte, recordSize)
			copy(record, body)
			err = a.append(r.Context(), record)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		sample.send(w)
	})
}

// sampleHandler is the control of pages: it sends what it was given for a
// request's target.
func sampleHandler(samples map[string]*sample) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sample := samples[r.RequestURI]
		if sample == nil {
			http.NotFound(w, r)
			return
		}
		sample.send(w)
	})
}

// sample is an answer of Parley's, kept to be sent by a control.
type sample struct {
	status int
	header http.Header
	body   []byte
}

// sampleOf copies an answer. Its date is left out, since every server adds its
// own.
func sampleOf(r response) *sample {
	s := &sample{status: r.status, header: http.Header{}, body: append([]byte(nil), r.body...)}
	for line := range strings.Lines(string(r.header)) {
		name, value, _ := strings.Cut(line, ":")
		if name != "Date" && name != "Content-Length" && name != "Transfer-Encoding" {
			s.header.Add(name, strings.TrimSpace(value))
		}
	}
	s.header.Set("Content-Length", strconv.Itoa(len(s.body)))
	return s
}

// unchanged is the answer to who has the sample already.
func (s *sample) unchanged() *sample {
	header := s.header.Clone()
	header.Del("Content-Type")
	header.Del("Content-Length")
	return &sample{status: http.StatusNotModified, header: header}
}

func (s *sample) send(w http.ResponseWriter) {
	header := w.Header()
	for name, values := range s.header {
		header[name] = values
	}
	w.WriteHeader(s.status)
	_, _ = w.Write(s.body) // who does not take the answer has left
}
