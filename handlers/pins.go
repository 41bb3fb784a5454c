package handlers

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"parley/events"
)

func (s *Server) pinRoutes() {
	register(s, users(), huma.Operation{
		OperationID: "pinMessage",
		Method:      http.MethodPut,
		Path:        messagePath + "/pin",
		Summary:     "Keep a message in its conversation's sight",
		Description: "For participants. A conversation has up to 50 pinned messages.",
		Tags:        []string{"messages"},
		Errors:      []int{http.StatusNotFound, http.StatusConflict},
	}, s.pinMessage)
	register(s, users(), huma.Operation{
		OperationID: "unpinMessage",
		Method:      http.MethodDelete,
		Path:        messagePath + "/pin",
		Summary:     "Let a pinned message go",
		Tags:        []string{"messages"},
		Errors:      []int{http.StatusNotFound, http.StatusConflict},
	}, s.unpinMessage)
}

func (s *Server) pinMessage(ctx context.Context, in *MessagePath) (*PositionHeader, error) {
	written, err := s.Commands.Pin(ctx, causeOf(ctx, ""), in.ID, in.Number, callerOf(ctx).User)
	if err != nil {
		return nil, err
	}
	out, err := s.writtenAt(ctx, events.ConversationStream(in.ID), written)
	return &out, err
}

func (s *Server) unpinMessage(ctx context.Context, in *MessagePath) (*PositionHeader, error) {
	written, err := s.Commands.Unpin(ctx, causeOf(ctx, ""), in.ID, in.Number, callerOf(ctx).User)
	if err != nil {
		return nil, err
	}
	out, err := s.writtenAt(ctx, events.ConversationStream(in.ID), written)
	return &out, err
}
