package handlers

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"
)

func (s *Server) receiptRoutes() {
	register(s, users(), huma.Operation{
		OperationID:  "markRead",
		Method:       http.MethodPut,
		Path:         "/v1/conversations/{id}/read",
		Summary:      "Mark a conversation as read up to a message",
		Tags:         []string{"messages"},
		MaxBodyBytes: smallBody,
		Errors:       []int{http.StatusNotFound},
	}, s.markRead)
	register(s, users(), huma.Operation{
		OperationID:  "markDelivered",
		Method:       http.MethodPut,
		Path:         "/v1/conversations/{id}/delivered",
		Summary:      "Mark a conversation as delivered up to a message",
		Description:  "What is marked as read needs no such mark.",
		Tags:         []string{"messages"},
		MaxBodyBytes: smallBody,
		Errors:       []int{http.StatusNotFound},
	}, s.markDelivered)
}

type markInput struct {
	ID   uuid.UUID `path:"id" format:"uuid"`
	Body struct {
		UpTo uint64 `json:"upTo" maximum:"9007199254740991" doc:"The number of the last message that was read, or was delivered."`
	}
}

func (s *Server) markRead(ctx context.Context, in *markInput) (*PositionHeader, error) {
	event, err := s.Commands.MarkRead(ctx, causeOf(ctx, ""), in.ID, callerOf(ctx).User, in.Body.UpTo)
	if err != nil {
		return nil, err
	}
	return &PositionHeader{uint64(event.Position)}, nil
}

func (s *Server) markDelivered(ctx context.Context, in *markInput) (*PositionHeader, error) {
	event, err := s.Commands.MarkDelivered(ctx, causeOf(ctx, ""), in.ID, callerOf(ctx).User, in.Body.UpTo)
	if err != nil {
		return nil, err
	}
	return &PositionHeader{uint64(event.Position)}, nil
}
