package handlers

import (
	"context"
	"encoding/json"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"parley/events"
)

// auditEvent is an event as the log keeps it: what is personal in it stays
// sealed. Metadata and data are JSON as stored, or a string of base64 if they
// are no JSON.
type auditEvent struct {
	Position uint64          `json:"position"`
	Stream   string          `json:"stream"`
	Revision uint64          `json:"revision"`
	ID       uuid.UUID       `json:"id" format:"uuid"`
	Type     string          `json:"type"`
	Created  time.Time       `json:"created"`
	Metadata json.RawMessage `json:"metadata"`
	Data     json.RawMessage `json:"data"`
}

type auditPage struct {
	Events []auditEvent `json:"events"`
	// Next is the URL path of what follows, or null at the log's end.
	Next *string `json:"next"`
}

func (s *Server) auditRoutes() {
	register(s, scoped(Auditor), huma.Operation{
		OperationID: "listEvents",
		Method:      http.MethodGet,
		Path:        "/v1/audit/events",
		Summary:     "Events of the log, in its order",
		Description: "Read from the log itself. One request looks at a bounded number of events: next may be set although fewer than limit were found, or none. It is null at the end of the log.",
		Tags:        []string{"audit"},
		Errors:      []int{http.StatusUnprocessableEntity},
	}, s.listEvents)
	register(s, scoped(Auditor), huma.Operation{
		OperationID: "getEvent",
		Method:      http.MethodGet,
		Path:        "/v1/audit/events/{position}",
		Summary:     "One event of the log",
		Tags:        []string{"audit"},
		Errors:      []int{http.StatusNotFound},
	}, s.getEvent)
}

type auditInput struct {
	Stream string `query:"stream" maxLength:"512" doc:"Events of this stream only."`
	Type   string `query:"type" maxLength:"512" doc:"Events of this type only."`
	Actor  string `query:"actor" maxLength:"512" doc:"What this actor did: a user's id, or another token's subject."`
	From   string `query:"from" doc:"Events that the log took at this time or later; RFC 3339 or a date, which is its begin in UTC."`
	To     string `query:"to" doc:"Events that the log took before this time."`
	After  uint64 `query:"after" maximum:"9007199254740991" doc:"Events after this position."`
	Limit  int    `query:"limit" minimum:"1" maximum:"1000" default:"100"`
}

type auditOutput struct {
	Body auditPage
}

// auditFilter is what events are chosen by.
type auditFilter struct {
	auditInput
	from, to time.Time
}

func (s *Server) listEvents(ctx context.Context, in *auditInput) (*auditOutput, error) {
	filter := auditFilter{auditInput: *in}
	var err error
	if filter.from, err = moment("query.from", in.From); err != nil {
		return nil, err
	}
	if filter.to, err = moment("query.to", in.To); err != nil {
		return nil, err
	}
	candidates := s.Journal.Log.ReadAll(ctx, events.Position(in.After), events.Forwards, s.Limits.Scan)
	if in.Stream != "" {
		first, _, err := events.RevisionsAfter(ctx, s.Journal.Log, in.Stream, events.Position(in.After))
		if err != nil {
			return nil, err
		}
		candidates = s.Journal.Log.Read(ctx, in.Stream, first, events.Forwards, s.Limits.Scan)
	}
	page, err := filter.choose(candidates, s.Limits.Scan)
	if err != nil {
		return nil, err
	}
	return &auditOutput{page}, nil
}

// choose takes the events that pass the filter, of scan candidates at most.
func (f auditFilter) choose(candidates iter.Seq2[events.Recorded, error], scan int) (auditPage, error) {
	page := auditPage{Events: []auditEvent{}}
	seen := 0
	for recorded, err := range candidates {
		if err != nil {
			return auditPage{}, err
		}
		if f.passes(recorded) {
			page.Events = append(page.Events, auditEventOf(recorded))
		}
		if seen++; seen == scan || len(page.Events) == f.Limit {
			page.Next = f.next(recorded.Position)
			break
		}
	}
	return page, nil
}

func (f auditFilter) passes(recorded events.Recorded) bool {
	switch {
	case f.Type != "" && recorded.Type != f.Type,
		!f.from.IsZero() && recorded.Created.Before(f.from),
		!f.to.IsZero() && !recorded.Created.Before(f.to):
		return false
	case f.Actor == "":
		return true
	}
	meta, err := events.DecodeMetadata(recorded.Metadata)
	return err == nil && meta.Actor == f.Actor
}

func (f auditFilter) next(after events.Position) *string {
	query := url.Values{"after": {strconv.FormatUint(uint64(after), 10)}, "limit": {strconv.Itoa(f.Limit)}}
	for name, value := range map[string]string{"stream": f.Stream, "type": f.Type, "actor": f.Actor, "from": f.From, "to": f.To} {
		if value != "" {
			query.Set(name, value)
		}
	}
	path := "/v1/audit/events?" + query.Encode()
	return &path
}

type eventInput struct {
	Position uint64 `path:"position" minimum:"1" maximum:"9007199254740991"`
}

type eventOutput struct {
	Body auditEvent
}

func (s *Server) getEvent(ctx context.Context, in *eventInput) (*eventOutput, error) {
	wanted := events.Position(in.Position)
	for recorded, err := range s.Journal.Log.ReadAll(ctx, wanted-1, events.Forwards, 1) {
		if err != nil {
			return nil, err
		}
		if recorded.Position == wanted {
			return &eventOutput{auditEventOf(recorded)}, nil
		}
	}
	return nil, newProblem(http.StatusNotFound, "there is no event at this position")
}

func auditEventOf(recorded events.Recorded) auditEvent {
	return auditEvent{
		Position: uint64(recorded.Position),
		Stream:   recorded.Stream,
		Revision: recorded.Revision,
		ID:       recorded.ID,
		Type:     recorded.Type,
		Created:  recorded.Created,
		Metadata: asJSON(recorded.Metadata),
		Data:     asJSON(recorded.Data),
	}
}

// asJSON is what was stored if that is JSON. Other writers of the log may have
// stored anything.
func asJSON(stored []byte) json.RawMessage {
	if len(stored) == 0 {
		return json.RawMessage("null")
	}
	if json.Valid(stored) {
		return stored
	}
	encoded, err := json.Marshal(stored)
	if err != nil { // bytes always have a base64
		panic(err)
	}
	return encoded
}
