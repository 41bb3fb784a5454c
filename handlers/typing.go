package handlers

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"parley/projections"
)

func (s *Server) signalRoutes() {
	register(s, users(), huma.Operation{
		OperationID:   "typing",
		Method:        http.MethodPost,
		Path:          "/v1/conversations/{id}/typing",
		Summary:       "Say that the caller is typing",
		Description:   "Told to the others who listen now as an event typing, {conversationId, userId, until}, and kept nowhere. Say it again every few seconds while it is so; it is told every two seconds at most, and not in conversations of more than 200 people.",
		Tags:          []string{"live"},
		DefaultStatus: http.StatusNoContent,
		Errors:        []int{http.StatusNotFound},
	}, s.typing)
	register(s, users(), huma.Operation{
		OperationID: "presence",
		Method:      http.MethodGet,
		Path:        "/v1/conversations/{id}/presence",
		Summary:     "Who of a conversation is there",
		Description: "Who has a live stream open counts as online; lastSeen is when they last had one, or null if this server does not know. With several servers, each knows of those who are connected to it. Changes are told as events presence, {userId, online, lastSeen}. Of conversations of more than 200 people, up to 200 who are online are listed, and no changes are told. Of people who have blocked each other neither sees the other.",
		Tags:        []string{"live"},
		Errors:      []int{http.StatusNotFound},
	}, s.presence)
}

type typingInput struct {
	KeyHeader
	ID uuid.UUID `path:"id" format:"uuid"`
}

func (s *Server) typing(ctx context.Context, in *typingInput) (*struct{}, error) {
	if _, err := in.cause(ctx); err != nil {
		return nil, err
	}
	user := callerOf(ctx).User
	if err := s.Commands.MayWrite(ctx, in.ID, user); err != nil {
		return nil, err
	}
	return nil, s.Feed.Typing(ctx, in.ID, user)
}

type presenceOutput struct {
	Body presenceAnswer
}

type presenceAnswer struct {
	Participants []projections.PresenceData `json:"participants"`
}

func (s *Server) presence(ctx context.Context, in *conversationInput) (*presenceOutput, error) {
	if err := s.reaches(ctx, projections.ConversationsName, in.Position); err != nil {
		return nil, err
	}
	found, err := s.Feed.Presence(ctx, in.ID, callerOf(ctx).User)
	if err != nil {
		return nil, hide(err)
	}
	return &presenceOutput{presenceAnswer{found}}, nil
}
