package handlers

import (
	"context"
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"parley/events"
	"parley/events/decide"
	"parley/projections"
)

func (s *Server) editRoutes() {
	serve[editInput, editOutput](s, users(), huma.Operation{
		OperationID:  "editMessage",
		Method:       http.MethodPatch,
		Path:         messagePath,
		Summary:      "Give a message another text",
		Description:  "For its author. A retracted or a forwarded message cannot be edited. Answers with the message as it stands.",
		Tags:         []string{"messages"},
		MaxBodyBytes: messageBody,
		Errors:       []int{http.StatusNotFound, http.StatusConflict},
	}, s.editMessage)
	register(s, users(), huma.Operation{
		OperationID: "retractMessage",
		Method:      http.MethodDelete,
		Path:        messagePath,
		Summary:     "Take a message back",
		Description: "For its author, and in a group for whoever looks after it. The message keeps its place without text, attachments and reactions; it is no longer pinned. A second time does nothing.",
		Tags:        []string{"messages"},
		Errors:      []int{http.StatusNotFound},
	}, s.retractMessage)
	register(s, usersOr(Auditor), huma.Operation{
		OperationID: "getMessageHistory",
		Method:      http.MethodGet,
		Path:        messagePath + "/history",
		Summary:     "What a message has said over time",
		Description: "Oldest first, for participants and auditors. The texts of a retracted message are for auditors only.",
		Tags:        []string{"messages"},
		Errors:      []int{http.StatusNotFound},
	}, s.messageHistory)
}

type editInput struct {
	MessagePath
	Body editBody
}

type editOutput struct {
	PositionHeader
	Body projections.Message
}

type editBody struct {
	Text     string       `json:"text" doc:"1 to 20,000 characters (code points)."`
	Mentions *[]uuid.UUID `json:"mentions,omitempty" doc:"Up to 100 participants whom the text concerns; without it they stay as they are."`
}

func (s *Server) editMessage(w http.ResponseWriter, r *http.Request) {
	position, message, err := s.edit(w, r)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	tellPosition(w, position)
	send(w, http.StatusOK, message)
}

func (s *Server) edit(w http.ResponseWriter, r *http.Request) (position uint64, message []byte, err error) {
	at, err := messageAt(r)
	if err != nil {
		return 0, nil, err
	}
	var edit editBody
	if err := s.decodeBody(w, r, messageBody, &edit); err != nil {
		return 0, nil, err
	}
	ctx := r.Context()
	written, err := s.Commands.EditMessage(ctx, causeOf(ctx, ""), at.ID, decide.Edit{
		Number: at.Number, By: callerOf(ctx).User, Text: edit.Text, Mentions: edit.Mentions,
	})
	if err != nil {
		return 0, nil, err
	}
	out, err := s.writtenAt(ctx, events.MessagesStream(at.ID), written)
	if err != nil {
		return 0, nil, err
	}
	message, err = s.seenMessage(ctx, out.Position, at)
	return out.Position, message, err
}

func (s *Server) retractMessage(ctx context.Context, in *MessagePath) (*PositionHeader, error) {
	written, err := s.Commands.RetractMessage(ctx, causeOf(ctx, ""), in.ID, in.Number, callerOf(ctx).User)
	if err != nil {
		return nil, err
	}
	out, err := s.writtenAt(ctx, events.MessagesStream(in.ID), written)
	return &out, err
}

type historyInput struct {
	WaitHeader
	MessagePath
	After int64 `query:"after" minimum:"-1" default:"-1" doc:"As a page's next has it."`
	Limit int   `query:"limit" minimum:"1" maximum:"200" default:"50"`
}

type historyOutput struct {
	Body projections.History
}

func (s *Server) messageHistory(ctx context.Context, in *historyInput) (*historyOutput, error) {
	if err := s.reaches(ctx, projections.ConversationsName, in.Position); err != nil {
		return nil, err
	}
	caller := callerOf(ctx)
	if !caller.Has(Auditor) {
		participates, err := s.Views.Conversations.IsParticipant(ctx, in.ID, caller.User)
		if err == nil && !participates {
			err = projections.ErrNotParticipant
		}
		if err != nil {
			return nil, hide(err)
		}
	}
	history, err := s.Views.Conversations.History(ctx, in.ID, projections.HistoryRange{
		Number: in.Number, After: in.After, Limit: in.Limit, Unseen: caller.Has(Auditor),
	})
	if errors.Is(err, projections.ErrNotFound) {
		err = decide.NoSuchMessage(in.Number)
	}
	return &historyOutput{history}, err
}
