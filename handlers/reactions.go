package handlers

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"parley/events"
)

func (s *Server) reactionRoutes() {
	register(s, users(), huma.Operation{
		OperationID: "addReaction",
		Method:      http.MethodPut,
		Path:        messagePath + "/reactions/{emoji}",
		Summary:     "Give a message an emoji",
		Description: "Each participant gives each emoji once. A message takes 20 different emoji and 1,000 reactions.",
		Tags:        []string{"messages"},
		Errors:      []int{http.StatusNotFound, http.StatusConflict},
	}, s.addReaction)
	register(s, users(), huma.Operation{
		OperationID: "removeReaction",
		Method:      http.MethodDelete,
		Path:        messagePath + "/reactions/{emoji}",
		Summary:     "Take an emoji back",
		Tags:        []string{"messages"},
		Errors:      []int{http.StatusNotFound},
	}, s.removeReaction)
}

type reactionInput struct {
	MessagePath
	Emoji string `path:"emoji" doc:"One emoji, percent-encoded."`
}

func (s *Server) addReaction(ctx context.Context, in *reactionInput) (*PositionHeader, error) {
	written, err := s.Commands.React(ctx, causeOf(ctx, ""), in.ID, in.Number, callerOf(ctx).User, in.Emoji)
	if err != nil {
		return nil, inPath(err)
	}
	out, err := s.writtenAt(ctx, events.MessagesStream(in.ID), written)
	return &out, err
}

func (s *Server) removeReaction(ctx context.Context, in *reactionInput) (*PositionHeader, error) {
	written, err := s.Commands.Unreact(ctx, causeOf(ctx, ""), in.ID, in.Number, callerOf(ctx).User, in.Emoji)
	if err != nil {
		return nil, inPath(err)
	}
	out, err := s.writtenAt(ctx, events.MessagesStream(in.ID), written)
	return &out, err
}
