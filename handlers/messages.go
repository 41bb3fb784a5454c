package handlers

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"parley/events"
	"parley/events/commands"
	"parley/events/decide"
	"parley/projections"
)

const defaultPage = 50

// maxNumber is the greatest number that JSON carries everywhere without loss.
const maxNumber = 1<<53 - 1

// messageRoutes are served without huma between: they are most of the traffic.
func (s *Server) messageRoutes() {
	serve[postInput, postOutput](s, members(), huma.Operation{
		OperationID:   "postMessage",
		Method:        http.MethodPost,
		Path:          "/v1/conversations/{id}/messages",
		Summary:       "Post a message",
		Tags:          []string{"messages"},
		DefaultStatus: http.StatusCreated,
		MaxBodyBytes:  messageBody,
		Errors:        []int{http.StatusNotFound},
	}, s.postMessage)
	serve[pageInput, pageOutput](s, membersAnd(Auditor), huma.Operation{
		OperationID: "listMessages",
		Method:      http.MethodGet,
		Path:        "/v1/conversations/{id}/messages",
		Summary:     "A page of a conversation's messages",
		Description: "Newest first; with after, oldest first. Answers 304 to an If-None-Match with the page's ETag. " + asOfDescription,
		Tags:        []string{"messages"},
		Errors:      []int{http.StatusNotFound},
	}, s.listMessages)
	s.documentStatus("/v1/conversations/{id}/messages", http.MethodGet, http.StatusNotModified, "The page has not changed", nil)
	serve[messageInput, messageOutput](s, users(), huma.Operation{
		OperationID: "getMessage",
		Method:      http.MethodGet,
		Path:        messagePath,
		Summary:     "A message",
		Description: "As it stands: edited, retracted, and with its reactions. A message that is answered is fetched here by its number.",
		Tags:        []string{"messages"},
		Errors:      []int{http.StatusNotFound},
	}, s.getMessage)
	register(s, users(), huma.Operation{
		OperationID:   "forwardMessage",
		Method:        http.MethodPost,
		Path:          messagePath + "/forward",
		Summary:       "Pass a message on into another conversation",
		Description:   "Its present text is posted there by the caller, attributed to whoever wrote it first. The caller must be in both conversations.",
		Tags:          []string{"messages"},
		DefaultStatus: http.StatusCreated,
		MaxBodyBytes:  smallBody,
		Errors:        []int{http.StatusNotFound, http.StatusConflict},
	}, s.forwardMessage)
}

// messagePath is the pattern of a MessagePath.
const messagePath = "/v1/conversations/{id}/messages/{number}"

// The inputs and outputs document what the handlers below read and write.
type (
	postInput struct {
		KeyHeader
		ID   uuid.UUID `path:"id" format:"uuid"`
		Body postBody
	}
	postOutput struct {
		PositionHeader
		Body projections.Message
	}
	pageInput struct {
		WaitHeader
		ID     uuid.UUID `path:"id" format:"uuid"`
		Limit  int       `query:"limit" minimum:"1" maximum:"200" default:"50"`
		Before uint64    `query:"before" doc:"Messages with smaller numbers, newest first."`
		After  int64     `query:"after" minimum:"-1" doc:"Messages with greater numbers, oldest first; -1 for all."`
		AsOf   string    `query:"asOf" doc:"A position of the log, or a time in RFC 3339 or a date, which is its begin in UTC."`
		Match  string    `header:"If-None-Match" doc:"The ETag of the page that the client has."`
	}
	pageOutput struct {
		ETag string `header:"ETag"`
		Body projections.Page
	}
)

type postBody struct {
	Text        string           `json:"text" required:"false" doc:"1 to 20,000 characters (code points); may be empty if there are attachments."`
	ReplyTo     *uint64          `json:"replyTo,omitempty" maximum:"9007199254740991" doc:"The number of the message that is answered."`
	Mentions    []uuid.UUID      `json:"mentions,omitempty" doc:"Up to 100 participants whom the text concerns."`
	QuickReply  *quickReplyBody  `json:"quickReply,omitempty" doc:"Which answer that a message offers this is; the text is what that answer says."`
	Attachments []attachmentBody `json:"attachments,omitempty" doc:"Up to 10 files that the caller has uploaded in the last day, or sees in a message."`
}

type quickReplyBody struct {
	Number  uint64 `json:"number" maximum:"9007199254740991" doc:"The number of the message that offers it."`
	Payload string `json:"payload" doc:"What the app knows the answer by; for user_email and user_phone_number, what it asks for."`
}

type attachmentBody struct {
	Media events.Digest `json:"media" doc:"The file's digest, as the upload answered."`
	Name  string        `json:"name,omitempty" doc:"What to call the file: up to 255 characters, without a path."`
}

// messageInput addresses a message.
type messageInput struct {
	WaitHeader
	MessagePath
}

// MessagePath is the address of a message.
type MessagePath struct {
	ID     uuid.UUID `path:"id" format:"uuid"`
	Number uint64    `path:"number" maximum:"9007199254740991"`
}

type messageOutput struct {
	Body projections.Message
}

func (s *Server) postMessage(w http.ResponseWriter, r *http.Request) {
	event, err := s.post(w, r)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	body, err := projections.PostedJSON(event)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	tellPosition(w, uint64(event.Position))
	send(w, http.StatusCreated, body)
}

func (s *Server) post(w http.ResponseWriter, r *http.Request) (events.Event, error) {
	conversation, err := pathID(r, "id")
	if err != nil {
		return events.Event{}, err
	}
	cause, err := keyedCause(r)
	if err != nil {
		return events.Event{}, err
	}
	var posted postBody
	if err := s.decodeBody(w, r, messageBody, &posted); err != nil {
		return events.Event{}, err
	}
	if posted.ReplyTo != nil && *posted.ReplyTo > maxNumber {
		return events.Event{}, refusedField("body.replyTo", "is greater than any message's number")
	}
	message := decide.Message{
		Conversation: conversation,
		Author:       callerOf(r.Context()).ID(),
		Text:         posted.Text,
		ReplyTo:      posted.ReplyTo,
		Mentions:     posted.Mentions,
	}
	for _, a := range posted.Attachments {
		message.Attachments = append(message.Attachments, decide.Attachment{Media: a.Media, Name: a.Name})
	}
	if err := posted.QuickReply.complete(&message); err != nil {
		return events.Event{}, err
	}
	if message.App, err = s.appCard(r.Context()); err != nil {
		return events.Event{}, err
	}
	return s.Commands.Post(r.Context(), cause, message)
}

// complete makes a message the answer that was chosen, if one was.
func (q *quickReplyBody) complete(m *decide.Message) error {
	switch {
	case q == nil:
		return nil
	case q.Number > maxNumber:
		return refusedField("body.quickReply.number", "is greater than any message's number")
	case m.Text != "":
		return refusedField("body.text", "must be absent when an offered answer is chosen")
	}
	m.QuickReply = &events.QuickReply{Number: q.Number, Payload: events.Private(q.Payload)}
	return nil
}

func (s *Server) getMessage(w http.ResponseWriter, r *http.Request) {
	message, err := s.message(r)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	send(w, http.StatusOK, message)
}

func (s *Server) message(r *http.Request) ([]byte, error) {
	at, err := messageAt(r)
	if err != nil {
		return nil, err
	}
	position, err := headerPosition(r)
	if err != nil {
		return nil, err
	}
	return s.seenMessage(r.Context(), position, at)
}

// messageAt reads a message's address from the path where huma does not.
func messageAt(r *http.Request) (at MessagePath, err error) {
	if at.ID, err = pathID(r, "id"); err != nil {
		return at, err
	}
	at.Number, err = strconv.ParseUint(r.PathValue("number"), 10, 64)
	if err != nil || at.Number > maxNumber {
		return at, refusedField("path.number", "must be a message's number")
	}
	return at, nil
}

// seenMessage is a message as the caller, who must be in its conversation,
// sees it at the position or later.
func (s *Server) seenMessage(ctx context.Context, position uint64, at MessagePath) ([]byte, error) {
	if err := s.reaches(ctx, projections.ConversationsName, position); err != nil {
		return nil, err
	}
	participates, err := s.Views.Conversations.IsParticipant(ctx, at.ID, callerOf(ctx).User)
	if err != nil || !participates {
		return nil, hide(cmp.Or(err, projections.ErrNotParticipant))
	}
	message, err := s.Views.Conversations.MessageJSON(ctx, at.ID, at.Number)
	if errors.Is(err, projections.ErrNotFound) {
		return nil, decide.NoSuchMessage(at.Number)
	}
	return message, err
}

type forwardInput struct {
	KeyHeader
	MessagePath
	Body struct {
		To uuid.UUID `json:"to" doc:"The conversation to post it into."`
	}
}

type forwardOutput struct {
	PositionHeader
	Body projections.Message
}

func (s *Server) forwardMessage(ctx context.Context, in *forwardInput) (*forwardOutput, error) {
	cause, err := in.cause(ctx)
	if err != nil {
		return nil, err
	}
	event, err := s.Commands.Forward(ctx, cause, commands.Forwarding{
		From: in.ID, Number: in.Number, By: callerOf(ctx).User, To: in.Body.To,
	})
	if err != nil {
		return nil, err
	}
	message, err := projections.Posted(event)
	return &forwardOutput{PositionHeader{uint64(event.Position)}, message}, err
}

func (s *Server) listMessages(w http.ResponseWriter, r *http.Request) {
	if text := asOf(r); text != "" {
		s.listAsOf(w, r, text)
		return
	}
	if callerOf(r.Context()).ID() == uuid.Nil {
		s.refuse(w, r, errNotUser)
		return
	}
	page, err := s.page(r)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	w.Header()["Etag"] = []string{page.ETag}
	if hasTag(r.Header.Get("If-None-Match"), page.ETag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	send(w, http.StatusOK, page.Body)
}

func (s *Server) page(r *http.Request) (projections.PageBody, error) {
	conversation, err := pathID(r, "id")
	if err != nil {
		return projections.PageBody{}, err
	}
	chosen, err := messageRange(r)
	if err != nil {
		return projections.PageBody{}, err
	}
	position, err := headerPosition(r)
	if err != nil {
		return projections.PageBody{}, err
	}
	if err := s.reaches(r.Context(), projections.ConversationsName, position); err != nil {
		return projections.PageBody{}, err
	}
	page, err := s.pageFor(r.Context(), conversation, chosen)
	if errors.Is(err, projections.ErrRange) {
		return page, refusedField("query", "limit, before and after do not make a page")
	}
	return page, hide(err)
}

func messageRange(r *http.Request) (projections.Range, error) {
	chosen := projections.Range{Limit: defaultPage}
	if r.URL.RawQuery == "" {
		return chosen, nil
	}
	query := r.URL.Query()
	var err error
	if chosen.Limit, err = limitOf(query); err != nil {
		return chosen, err
	}
	if text := query.Get("before"); text != "" {
		before, err := strconv.ParseUint(text, 10, 63)
		if err != nil {
			return chosen, refusedField("query.before", "must be a message's number")
		}
		chosen.Before = &before
	}
	if text := query.Get("after"); text != "" {
		after, err := strconv.ParseInt(text, 10, 64)
		if err != nil || after < -1 {
			return chosen, refusedField("query.after", "must be a message's number, or -1")
		}
		if chosen.Before != nil {
			return chosen, refusedField("query.after", "cannot be given together with before")
		}
		chosen.After = &after
	}
	return chosen, nil
}

// limitOf is how many rows a page is to have.
func limitOf(query url.Values) (int, error) {
	text := query.Get("limit")
	if text == "" {
		return defaultPage, nil
	}
	limit, err := strconv.Atoi(text)
	if err != nil || limit < 1 || limit > projections.MaxPage {
		return 0, refusedField("query.limit", "must be between 1 and "+strconv.Itoa(projections.MaxPage))
	}
	return limit, nil
}

// hasTag tells whether an If-None-Match names the tag.
func hasTag(header, tag string) bool {
	if header == "" {
		return false
	}
	for candidate := range strings.SplitSeq(header, ",") {
		candidate = strings.TrimSpace(candidate)
		if candidate == "*" || strings.TrimPrefix(candidate, "W/") == tag {
			return true
		}
	}
	return false
}
