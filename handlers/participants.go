package handlers

import (
	"context"
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"parley/events"
	"parley/projections"
)

func (s *Server) participantRoutes() {
	register(s, users(), huma.Operation{
		OperationID: "listParticipants",
		Method:      http.MethodGet,
		Path:        "/v1/conversations/{id}/participants",
		Summary:     "A page of a conversation's participants",
		Description: "In the order in which they joined, with their roles and how far they have come.",
		Tags:        []string{"participants"},
		Errors:      []int{http.StatusNotFound},
	}, s.listParticipants)
	register(s, users(), huma.Operation{
		OperationID:  "addParticipant",
		Method:       http.MethodPost,
		Path:         "/v1/conversations/{id}/participants",
		Summary:      "Let a user into a group",
		Description:  "For participants. Who is in it already stays in it.",
		Tags:         []string{"participants"},
		MaxBodyBytes: smallBody,
		Errors:       []int{http.StatusNotFound, http.StatusConflict},
	}, s.addParticipant)
	register(s, users(), huma.Operation{
		OperationID: "removeParticipant",
		Method:      http.MethodDelete,
		Path:        "/v1/conversations/{id}/participants/{user}",
		Summary:     "Take a user out of a group, or leave it",
		Description: "Anybody may leave. The owner may remove anyone, an admin may remove members. When the owner leaves, the admin who joined first becomes owner, or else the member who did.",
		Tags:        []string{"participants"},
		Errors:      []int{http.StatusNotFound, http.StatusConflict},
	}, s.removeParticipant)
	register(s, users(), huma.Operation{
		OperationID:  "changeRole",
		Method:       http.MethodPut,
		Path:         "/v1/conversations/{id}/participants/{user}/role",
		Summary:      "Make a participant of a group its owner, an admin or a member",
		Description:  "For the group's owner, who becomes an admin by making somebody else the owner. An admin may become a member by themselves.",
		Tags:         []string{"participants"},
		MaxBodyBytes: smallBody,
		Errors:       []int{http.StatusNotFound, http.StatusConflict},
	}, s.changeRole)
}

type rosterInput struct {
	WaitHeader
	ID    uuid.UUID `path:"id" format:"uuid"`
	After int64     `query:"after" minimum:"-1" default:"-1" doc:"As a page's next has it."`
	Limit int       `query:"limit" minimum:"1" maximum:"200" default:"50"`
}

type rosterOutput struct {
	Body projections.Roster
}

func (s *Server) listParticipants(ctx context.Context, in *rosterInput) (*rosterOutput, error) {
	if err := s.reaches(ctx, projections.ConversationsName, in.Position); err != nil {
		return nil, err
	}
	roster, err := s.Views.Conversations.Participants(ctx, in.ID, callerOf(ctx).User, in.After, in.Limit)
	if errors.Is(err, projections.ErrRange) {
		return nil, refusedField("query", "limit and after do not make a page")
	}
	if err != nil {
		return nil, hide(err)
	}
	return &rosterOutput{roster}, nil
}

type addInput struct {
	KeyHeader
	ID   uuid.UUID `path:"id" format:"uuid"`
	Body struct {
		UserID uuid.UUID `json:"userId" format:"uuid"`
	}
}

func (s *Server) addParticipant(ctx context.Context, in *addInput) (*PositionHeader, error) {
	cause, err := in.cause(ctx)
	if err != nil {
		return nil, err
	}
	written, err := s.Commands.AddParticipant(ctx, cause, in.ID, callerOf(ctx).User, in.Body.UserID)
	if err != nil {
		return nil, err
	}
	out, err := s.writtenAt(ctx, events.ConversationStream(in.ID), written)
	return &out, err
}

type removeInput struct {
	ID   uuid.UUID `path:"id" format:"uuid"`
	User uuid.UUID `path:"user" format:"uuid"`
}

func (s *Server) removeParticipant(ctx context.Context, in *removeInput) (*PositionHeader, error) {
	written, err := s.Commands.RemoveParticipant(ctx, causeOf(ctx, ""), in.ID, callerOf(ctx).User, in.User)
	if err != nil {
		return nil, err
	}
	out, err := s.writtenAt(ctx, events.ConversationStream(in.ID), written)
	return &out, err
}

type roleInput struct {
	ID   uuid.UUID `path:"id" format:"uuid"`
	User uuid.UUID `path:"user" format:"uuid"`
	Body struct {
		Role events.Role `json:"role" enum:"owner,admin,member"`
	}
}

func (s *Server) changeRole(ctx context.Context, in *roleInput) (*PositionHeader, error) {
	written, err := s.Commands.ChangeRole(ctx, causeOf(ctx, ""), in.ID, callerOf(ctx).User, in.User, in.Body.Role)
	if err != nil {
		return nil, err
	}
	out, err := s.writtenAt(ctx, events.ConversationStream(in.ID), written)
	return &out, err
}
