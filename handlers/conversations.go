package handlers

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"strconv"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"parley/events"
	"parley/events/decide"
	"parley/projections"
)

func (s *Server) conversationRoutes() {
	register(s, users(), huma.Operation{
		OperationID:   "startConversation",
		Method:        http.MethodPost,
		Path:          "/v1/conversations",
		Summary:       "Start a conversation",
		Description:   "The caller is always in it. A second direct conversation between two people answers 200 with the first.",
		Tags:          []string{"conversations"},
		DefaultStatus: http.StatusCreated,
		MaxBodyBytes:  largeBody,
	}, s.startConversation)
	s.documentStatus("/v1/conversations", http.MethodPost, http.StatusOK, "The direct conversation that the two have already", projections.Conversation{})
	serve[inboxInput, inboxOutput](s, users(), huma.Operation{
		OperationID: "listConversations",
		Method:      http.MethodGet,
		Path:        "/v1/conversations",
		Summary:     "The caller's inbox",
		Description: "Newest activity first, without those that the caller has archived. Each conversation comes with the first 50 of its participants, and participantCount counts all. Answers 304 to an If-None-Match with the inbox's ETag.",
		Tags:        []string{"conversations"},
	}, s.listConversations)
	s.documentStatus("/v1/conversations", http.MethodGet, http.StatusNotModified, "The inbox has not changed", nil)
	register(s, users(), huma.Operation{
		OperationID: "getConversation",
		Method:      http.MethodGet,
		Path:        "/v1/conversations/{id}",
		Summary:     "A conversation",
		Tags:        []string{"conversations"},
		Errors:      []int{http.StatusNotFound},
	}, s.getConversation)
	register(s, users(), huma.Operation{
		OperationID:  "renameConversation",
		Method:       http.MethodPatch,
		Path:         "/v1/conversations/{id}",
		Summary:      "Give a group another title",
		Description:  "For its owner and its admins.",
		Tags:         []string{"conversations"},
		MaxBodyBytes: smallBody,
		Errors:       []int{http.StatusNotFound, http.StatusConflict},
	}, s.renameConversation)
}

type startInput struct {
	KeyHeader
	Body struct {
		Kind         events.Kind `json:"kind" enum:"direct,group,business"`
		Title        string      `json:"title,omitempty" nullable:"true" doc:"At most 200 characters on one line; for groups only."`
		Participants []uuid.UUID `json:"participants,omitempty" nullable:"false" doc:"The other people: one for a direct conversation, or none for one with oneself; up to 9,999 for a group; for a business conversation the customer, if an agent starts it. Only a customer who starts one may leave it out."`
		Merchant     *uuid.UUID  `json:"merchant,omitempty" nullable:"true" format:"uuid" doc:"With whom, or for whom, a business conversation is. A customer who starts it opts in."`
	}
}

type startOutput struct {
	PositionHeader
	Status int
	Body   projections.Conversation
}

func (s *Server) startConversation(ctx context.Context, in *startInput) (*startOutput, error) {
	cause, err := in.cause(ctx)
	if err != nil {
		return nil, err
	}
	starter := callerOf(ctx).User
	event, existed, err := s.start(ctx, cause, in, starter)
	if err != nil {
		return nil, err
	}
	out := &startOutput{PositionHeader{uint64(event.Position)}, http.StatusCreated, conversationOf(event)}
	if existed {
		out.Status = http.StatusOK
		out.Body, err = s.seen(ctx, out.Position, out.Body.ID, starter)
	}
	return out, err
}

func (s *Server) start(ctx context.Context, cause events.Cause, in *startInput, starter uuid.UUID) (events.Event, bool, error) {
	b := &in.Body
	if b.Kind != events.Business {
		if b.Merchant != nil {
			return events.Event{}, false, refusedField("body.merchant", "is a part of business conversations only")
		}
		if b.Participants == nil {
			return events.Event{}, false, refusedField("body.participants", "is required")
		}
		return s.Commands.Start(ctx, cause, decide.Beginning{Kind: b.Kind, Title: b.Title, Starter: starter, Others: b.Participants})
	}
	customer := starter
	switch {
	case b.Merchant == nil:
		return events.Event{}, false, refusedField("body.merchant", "is required for a business conversation")
	case b.Title != "":
		return events.Event{}, false, refusedField("body.title", "a business conversation has no title")
	case len(b.Participants) > 1:
		return events.Event{}, false, refusedField("body.participants", "a business conversation takes exactly one customer")
	case len(b.Participants) == 1:
		customer = b.Participants[0]
	}
	return s.Commands.StartBusiness(ctx, cause, *b.Merchant, customer, starter)
}

// conversationOf is a conversation as it was started.
func conversationOf(event events.Event) projections.Conversation {
	fact := event.Fact.(*events.ConversationStarted)
	participants := make([]projections.Participant, len(fact.Participants))
	for i, user := range fact.Participants {
		participants[i] = projections.Participant{
			UserID:   user,
			JoinedAt: event.Meta.OccurredAt,
			Role:     decide.StartingRole(fact, user),
		}
	}
	shape := projections.Conversation{
		ID:               fact.Conversation,
		Kind:             fact.Kind,
		Title:            fact.Title.Plain,
		Participants:     participants,
		ParticipantCount: uint64(len(participants)),
		StartedAt:        event.Meta.OccurredAt,
		Pinned:           []uint64{},
	}
	if fact.Merchant != uuid.Nil {
		shape.MerchantID = &fact.Merchant
	}
	return shape
}

// seen is a conversation as a viewer sees it at the position or later.
func (s *Server) seen(ctx context.Context, position uint64, conversation, viewer uuid.UUID) (projections.Conversation, error) {
	if err := s.reaches(ctx, projections.ConversationsName, position); err != nil {
		return projections.Conversation{}, err
	}
	found, err := s.Views.Conversations.Get(ctx, conversation, viewer)
	return found, hide(err)
}

// hide tells strangers the same whether a conversation exists or not.
func hide(err error) error {
	if errors.Is(err, projections.ErrNotFound) || errors.Is(err, projections.ErrNotParticipant) {
		return decide.NoSuchConversation()
	}
	return err
}

type inboxInput struct {
	WaitHeader
	Archived bool   `query:"archived" doc:"Show the archived conversations, and no others."`
	Cursor   string `query:"cursor" maxLength:"512" doc:"As a page's next has it."`
	Limit    int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
	Match    string `header:"If-None-Match" doc:"The ETag of the inbox that the client has."`
}

type inboxOutput struct {
	ETag string `header:"ETag"`
	Body projections.Inbox
}

func (s *Server) listConversations(w http.ResponseWriter, r *http.Request) {
	body, err := s.inbox(r)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	tag := contentTag(body)
	w.Header()["Etag"] = []string{tag}
	if hasTag(r.Header.Get("If-None-Match"), tag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	send(w, http.StatusOK, body)
}

// contentTag is a strong entity tag of what is sent.
func contentTag(body []byte) string {
	sum := sha256.Sum256(body)
	return `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`
}

func (s *Server) inbox(r *http.Request) ([]byte, error) {
	asked, err := inboxAsked(r)
	if err != nil {
		return nil, err
	}
	if err := s.reaches(r.Context(), projections.ConversationsName, asked.Position); err != nil {
		return nil, err
	}
	body, err := s.Views.Conversations.InboxJSON(r.Context(), callerOf(r.Context()).User, asked.Archived, asked.Cursor, asked.Limit, asked.next)
	return body, badCursor(err)
}

// next is the path of the page that a cursor begins.
func (in *inboxInput) next(cursor string) string {
	var more url.Values
	if in.Archived {
		more = url.Values{"archived": {"true"}}
	}
	return nextPage("/v1/conversations", cursor, in.Limit, more)
}

func inboxAsked(r *http.Request) (asked inboxInput, err error) {
	query := r.URL.Query()
	asked.Cursor = query.Get("cursor")
	if asked.Position, err = headerPosition(r); err != nil {
		return asked, err
	}
	if text := query.Get("archived"); text != "" {
		if asked.Archived, err = strconv.ParseBool(text); err != nil {
			return asked, refusedField("query.archived", "must be true or false")
		}
	}
	asked.Limit, err = limitOf(query)
	return asked, err
}

type conversationInput struct {
	WaitHeader
	ID uuid.UUID `path:"id" format:"uuid"`
}

type conversationOutput struct {
	Body projections.Conversation
}

func (s *Server) getConversation(ctx context.Context, in *conversationInput) (*conversationOutput, error) {
	found, err := s.seen(ctx, in.Position, in.ID, callerOf(ctx).User)
	if err != nil {
		return nil, err
	}
	return &conversationOutput{found}, nil
}

type renameInput struct {
	ID   uuid.UUID `path:"id" format:"uuid"`
	Body struct {
		Title string `json:"title" doc:"At most 200 characters on one line; none takes the title away."`
	}
}

func (s *Server) renameConversation(ctx context.Context, in *renameInput) (*PositionHeader, error) {
	event, err := s.Commands.Rename(ctx, causeOf(ctx, ""), in.ID, callerOf(ctx).User, in.Body.Title)
	if err != nil {
		return nil, err
	}
	return &PositionHeader{uint64(event.Position)}, nil
}
