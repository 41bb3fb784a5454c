package handlers

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"parley/events"
)

// positionHeader carries the log's position of a write to the reads that are
// to show it.
const positionHeader = "Parley-Position"

// keyLimit bounds an Idempotency-Key, in bytes.
const keyLimit = 255

// request is what is known of the request at hand. It belongs to the
// goroutine that serves it.
type request struct {
	// caller is nil if no token was presented, or none that is accepted.
	caller *Caller
	// tokenFault is why the token presented is not accepted.
	tokenFault error
	// id names the request in the log, and is the correlation of all that
	// comes of it.
	id string
	// fault is the cause of an answer of 500 and above.
	fault error
}

type requestKey struct{}

func requestOf(ctx context.Context) *request { return ctx.Value(requestKey{}).(*request) }

// callerOf is who asks; admitted routes have one.
func callerOf(ctx context.Context) *Caller { return requestOf(ctx).caller }

// requestID takes the name a client gave the request: X-Request-Id, or the
// trace of a traceparent. One that is not fit to be kept counts as none.
func requestID(r *http.Request) (string, bool) {
	if id := r.Header.Get("X-Request-Id"); id != "" && len(id) <= 128 && visible(id) {
		return id, true
	}
	parts := strings.Split(r.Header.Get("Traceparent"), "-")
	if len(parts) == 4 && len(parts[1]) == 32 && strings.Trim(parts[1], "0123456789abcdef") == "" {
		return parts[1], true
	}
	return "", false
}

// visible tells whether a text has visible ASCII characters only.
func visible(text string) bool {
	for i := range len(text) {
		if text[i] <= ' ' || text[i] > '~' {
			return false
		}
	}
	return true
}

// KeyHeader is the header that every POST takes.
type KeyHeader struct {
	IdempotencyKey string `header:"Idempotency-Key" doc:"1 to 255 visible ASCII characters of your choice. A repeat with the same key writes nothing and answers as the first did."`
}

// cause is who wants something written, and why.
func (h KeyHeader) cause(ctx context.Context) (events.Cause, error) {
	if h.IdempotencyKey != "" && (len(h.IdempotencyKey) > keyLimit || !visible(h.IdempotencyKey)) {
		return events.Cause{}, malformed("header.Idempotency-Key", "must be 1 to 255 visible ASCII characters")
	}
	return causeOf(ctx, h.IdempotencyKey), nil
}

func causeOf(ctx context.Context, key string) events.Cause {
	cause := events.Cause{Correlation: requestOf(ctx).id, IdempotencyKey: key}
	if caller := callerOf(ctx); caller != nil {
		cause.Actor = caller.Subject
	}
	return cause
}

// keyedCause is the cause of a POST that huma does not serve.
func keyedCause(r *http.Request) (events.Cause, error) {
	return KeyHeader{r.Header.Get("Idempotency-Key")}.cause(r.Context())
}

// WaitHeader is the header that every read of a view takes.
type WaitHeader struct {
	Position uint64 `header:"Parley-Position" doc:"The Parley-Position that a write answered with: the read waits until it shows that write."`
}

// PositionHeader is the header that every write answers with.
type PositionHeader struct {
	Position uint64 `header:"Parley-Position" doc:"Where the log has this write. A read that carries it shows the write."`
}

// tellPosition is the PositionHeader of an answer that huma does not write.
func tellPosition(w http.ResponseWriter, position uint64) {
	w.Header()[positionHeader] = []string{strconv.FormatUint(position, 10)}
}

// reaches returns when a view shows the position.
func (s *Server) reaches(ctx context.Context, view string, position uint64) error {
	if position == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, s.Limits.Wait)
	defer cancel()
	return s.Views.Wait(ctx, view, events.Position(position))
}

// lastPosition is where a stream stands. It is what a write that had nothing
// to do answers with.
func (s *Server) lastPosition(ctx context.Context, stream string) (uint64, error) {
	for last, err := range s.Journal.Log.Read(ctx, stream, events.LastRevision, events.Backwards, 1) {
		return uint64(last.Position), err
	}
	return 0, nil
}

// writtenAt is the position of what was written, or of the stream's end when
// there was nothing to write.
func (s *Server) writtenAt(ctx context.Context, stream string, written []events.Event) (PositionHeader, error) {
	if len(written) > 0 {
		return PositionHeader{uint64(written[len(written)-1].Position)}, nil
	}
	position, err := s.lastPosition(ctx, stream)
	return PositionHeader{position}, err
}

// headerPosition reads Parley-Position where huma does not.
func headerPosition(r *http.Request) (uint64, error) {
	text := r.Header.Get(positionHeader)
	if text == "" {
		return 0, nil
	}
	position, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return 0, refusedField("header."+positionHeader, "must be a position that a write answered with")
	}
	return position, nil
}

// pathID reads an id from the path where huma does not.
func pathID(r *http.Request, name string) (uuid.UUID, error) {
	id, err := uuid.Parse(r.PathValue(name))
	if err != nil {
		return uuid.Nil, refusedField("path."+name, "must be a UUID")
	}
	return id, nil
}

var errMoment = errors.New("must be a time in RFC 3339, as 2026-01-31T12:00:00Z, or a date, as 2026-01-31, which is its begin in UTC")

// moment reads a time of a query; none is given if it is empty.
func moment(location, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.RFC3339Nano, time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, refusedField(location, errMoment.Error())
}
