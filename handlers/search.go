package handlers

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"parley/projections"
	"parley/projections/words"
)

func (s *Server) searchRoutes() {
	register(s, users(), huma.Operation{
		OperationID: "search",
		Method:      http.MethodGet,
		Path:        "/v1/search",
		Summary:     "Search the caller's conversations",
		Description: "Messages as they stand now, those posted last first, in the conversations that the caller is in now. " +
			"A word is found without regard to case and accents. A message is a hit if it has all of: words, \"phrases in quotes\", and beginnings of words, of two characters or more, with a * at their end. " +
			"A snippet is HTML on one line: what was found stands in <mark>, and all else is escaped.",
		Tags:      []string{"search"},
		Errors:    []int{http.StatusNotFound},
		Responses: s.answers(projections.SearchPage{}),
	}, s.search)
}

type searchInput struct {
	WaitHeader
	Query        string    `query:"q" maxLength:"1000" doc:"What to search for; it may be absent if author is given."`
	Author       uuid.UUID `query:"author" format:"uuid" doc:"Messages of this user only."`
	Conversation uuid.UUID `query:"conversation" format:"uuid" doc:"Messages of this conversation only."`
	From         string    `query:"from" doc:"Messages posted at this time or later; RFC 3339 or a date, which is its begin in UTC."`
	To           string    `query:"to" doc:"Messages posted before this time."`
	Limit        int       `query:"limit" minimum:"1" maximum:"100" default:"20"`
	After        string    `query:"after" maxLength:"512" doc:"As a page's next has it."`
}

func (s *Server) search(ctx context.Context, in *searchInput) (*tableOutput, error) {
	query, err := in.query()
	if err != nil {
		return nil, err
	}
	for _, view := range []string{projections.SearchName, projections.ConversationsName} {
		if err := s.reaches(ctx, view, in.Position); err != nil {
			return nil, err
		}
	}
	page, err := s.Views.Search.Find(ctx, callerOf(ctx).User, query)
	if errors.Is(err, projections.ErrCursor) {
		return nil, refusedField("query.after", "is not one that this search gave you")
	}
	if err != nil {
		return nil, hide(err)
	}
	if page.Next != nil {
		page.Next = in.next(*page.Next)
	}
	return &tableOutput{func(ctx huma.Context) {
		_, w := unwrap(ctx)
		answer(w, http.StatusOK, page)
	}}, nil
}

func (in *searchInput) query() (projections.SearchQuery, error) {
	query := projections.SearchQuery{Author: in.Author, Conversation: in.Conversation, After: in.After, Limit: in.Limit}
	var err error
	if in.Query != "" || in.Author == uuid.Nil {
		if query.Words, err = words.Parse(in.Query); err != nil {
			return query, refusedField("query.q", err.Error())
		}
	}
	if query.From, err = moment("query.from", in.From); err != nil {
		return query, err
	}
	if query.To, err = moment("query.to", in.To); err != nil {
		return query, err
	}
	if !query.To.IsZero() && !query.From.Before(query.To) {
		return query, refusedField("query.to", "must be after from")
	}
	return query, nil
}

// next is the URL path of the page after a cursor.
func (in *searchInput) next(cursor string) *string {
	values := url.Values{"after": {cursor}, "limit": {strconv.Itoa(in.Limit)}}
	for name, value := range map[string]string{"q": in.Query, "author": idText(in.Author), "conversation": idText(in.Conversation), "from": in.From, "to": in.To} {
		if value != "" {
			values.Set(name, value)
		}
	}
	path := "/v1/search?" + values.Encode()
	return &path
}

// idText is empty for no id.
func idText(id uuid.UUID) string {
	if id == uuid.Nil {
		return ""
	}
	return id.String()
}
