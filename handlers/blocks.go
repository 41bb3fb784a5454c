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

func (s *Server) blockRoutes() {
	register(s, users(), huma.Operation{
		OperationID: "blockUser",
		Method:      http.MethodPut,
		Path:        "/v1/users/{id}/block",
		Summary:     "Block a user",
		Description: "Neither of the two can start a direct conversation with the other, or write in the one they have, until the block is taken back. Both can still read it. Who is blocked is not told so.",
		Tags:        []string{"users"},
		Errors:      []int{http.StatusNotFound, http.StatusConflict},
	}, s.blockUser)
	register(s, users(), huma.Operation{
		OperationID: "unblockUser",
		Method:      http.MethodDelete,
		Path:        "/v1/users/{id}/block",
		Summary:     "Take a block back",
		Tags:        []string{"users"},
	}, s.unblockUser)
	register(s, users(), huma.Operation{
		OperationID: "listBlocks",
		Method:      http.MethodGet,
		Path:        "/v1/users/me/blocks",
		Summary:     "Whom the caller has blocked",
		Description: "In the order in which they were.",
		Tags:        []string{"users"},
	}, s.listBlocks)
}

type blockInput struct {
	ID uuid.UUID `path:"id" format:"uuid"`
}

func (s *Server) blockUser(ctx context.Context, in *blockInput) (*PositionHeader, error) {
	caller := callerOf(ctx).User
	written, err := s.Commands.Block(ctx, causeOf(ctx, ""), caller, in.ID)
	if err != nil {
		return nil, err
	}
	out, err := s.writtenAt(ctx, events.UserStream(caller), written)
	return &out, err
}

func (s *Server) unblockUser(ctx context.Context, in *blockInput) (*PositionHeader, error) {
	caller := callerOf(ctx).User
	written, err := s.Commands.Unblock(ctx, causeOf(ctx, ""), caller, in.ID)
	if err != nil {
		return nil, err
	}
	out, err := s.writtenAt(ctx, events.UserStream(caller), written)
	return &out, err
}

type blocksInput struct {
	WaitHeader
	After uint64 `query:"after" doc:"As a page's next has it."`
	Limit int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
}

type blocksOutput struct {
	Body projections.Blocks
}

func (s *Server) listBlocks(ctx context.Context, in *blocksInput) (*blocksOutput, error) {
	if err := s.reaches(ctx, projections.UsersName, in.Position); err != nil {
		return nil, err
	}
	page, err := s.Views.Users.Blocks(ctx, callerOf(ctx).User, events.Position(in.After), in.Limit)
	if errors.Is(err, projections.ErrRange) {
		return nil, refusedField("query.after", "is not one that this list gave you")
	}
	if err != nil {
		return nil, err
	}
	return &blocksOutput{page}, nil
}
