package handlers

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"parley/events"
)

// Bounds of request bodies, in bytes. A text of 20,000 characters takes up to
// 240,000 when each of them is escaped; 10,000 participants take 390,000.
const (
	smallBody   = 16 << 10
	messageBody = 256 << 10
	largeBody   = 1 << 20

	// pooledBody bounds what one body leaves allocated for the next.
	pooledBody = 64 << 10
)

var (
	errMediaType    = errors.New("the body is not JSON")
	errBodyTooLarge = errors.New("the body is too large")
	errBodyUnread   = errors.New("the body could not be read")
)

// strict reads JSON as RFC 8259 has it at its strictest: valid UTF-8, each
// name once, nothing after the value, no names that are not known.
var strict = json.JoinOptions(json.RejectUnknownMembers(true))

// jsonFormat is how huma reads and writes bodies.
var jsonFormat = huma.Format{
	Marshal: marshalJSON,
	Unmarshal: func(data []byte, v any) error {
		if err := json.Unmarshal(data, v, strict); err != nil {
			return misread(err)
		}
		return nil
	},
}

var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// readBody reads a request's body into a pooled buffer, which release gives
// back. A body that is too large or too slow ends its connection.
func (s *Server) readBody(w http.ResponseWriter, r *http.Request, limit int64) (body []byte, release func(), err error) {
	buffer := buffers.Get().(*bytes.Buffer)
	release = func() {
		if buffer.Cap() <= pooledBody {
			buffer.Reset()
			buffers.Put(buffer)
		}
	}
	if r.ContentLength > limit {
		return nil, release, errBodyTooLarge
	}
	connection := http.NewResponseController(w)
	// Deadlines are of the network's clock, not of ours. A writer without a
	// connection has none, and its body is in memory.
	_ = connection.SetReadDeadline(time.Now().Add(s.Limits.Body))
	n, err := buffer.ReadFrom(io.LimitReader(r.Body, limit+1))
	switch {
	case err != nil:
		return nil, release, errors.Join(errBodyUnread, err)
	case n > limit:
		return nil, release, errBodyTooLarge
	}
	_ = connection.SetReadDeadline(time.Time{})
	return buffer.Bytes(), release, nil
}

// bounded reads bodies before huma does, which would take one that breaks off
// for a fault of ours.
func (s *Server) bounded(limit int64) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		r, w := unwrap(ctx)
		body, release, err := s.readBody(w, r, limit)
		defer release()
		if err != nil {
			s.refuse(w, r, err)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		if isJSON(r.Header.Get("Content-Type")) {
			r.Header.Set("Content-Type", "application/json") // the only one that huma reads
		}
		next(ctx)
	}
}

// decodeBody reads a request's body of JSON into a value where huma does not, and
// answers with the same problems.
func (s *Server) decodeBody(w http.ResponseWriter, r *http.Request, limit int64, into any) error {
	body, release, err := s.readBody(w, r, limit)
	defer release()
	if err != nil {
		return err
	}
	if !isJSON(r.Header.Get("Content-Type")) {
		return errMediaType
	}
	if len(body) == 0 {
		return malformed("body", "is required")
	}
	if err := json.Unmarshal(body, into, strict); err != nil {
		return misread(err)
	}
	return nil
}

// misread tells where and why a body could not be read: it is malformed, or is
// JSON of another shape.
func misread(err error) *huma.ErrorModel {
	var semantic *json.SemanticError
	if errors.As(err, &semantic) {
		return refusedField(locate(semantic.JSONPointer), expectation(semantic))
	}
	var syntactic *jsontext.SyntacticError
	if !errors.As(err, &syntactic) {
		return malformed("body", err.Error())
	}
	location := locate(syntactic.JSONPointer)
	if errors.Is(err, jsontext.ErrDuplicateName) {
		return malformed(location, "is there twice")
	}
	return malformed(location, fmt.Sprintf("is not JSON at byte %d: %v", syntactic.ByteOffset, syntactic.Err))
}

// isJSON also lets pass what curl -d says of any body. No browser can be made
// to send a bearer token along with a form, so a form's type opens no door.
func isJSON(contentType string) bool {
	if contentType == "" || contentType == "application/json" {
		return true
	}
	media, _, err := mime.ParseMediaType(contentType)
	return err == nil && (media == "application/json" || media == "application/x-www-form-urlencoded" || strings.HasSuffix(media, "+json"))
}

// locate writes a JSON pointer as problems name fields: body.lines[0].quantity.
func locate(pointer jsontext.Pointer) string {
	location := "body"
	for token := range pointer.Tokens() {
		if _, err := strconv.ParseUint(token, 10, 32); err == nil {
			location += "[" + token + "]"
		} else {
			location += "." + token
		}
	}
	return location
}

func expectation(e *json.SemanticError) string {
	if errors.Is(e.Err, json.ErrUnknownName) {
		return "is not a field of this request"
	}
	if e.GoType == nil {
		return "has the wrong type"
	}
	switch e.GoType {
	case reflect.TypeFor[uuid.UUID]():
		return "must be a UUID"
	case reflect.TypeFor[events.Digest]():
		return "must be 64 hex digits in lower case"
	case reflect.TypeFor[time.Time]():
		return "must be a time in RFC 3339, as 2026-01-31T12:00:00Z"
	}
	switch e.GoType.Kind() {
	case reflect.String:
		return "must be a string"
	case reflect.Uint64:
		return "must be a whole number, 0 or more"
	case reflect.Int64:
		return "must be a whole number"
	case reflect.Float64:
		return "must be a number"
	case reflect.Slice:
		return "must be a list"
	case reflect.Struct:
		return "must be an object"
	}
	return "has the wrong type"
}
