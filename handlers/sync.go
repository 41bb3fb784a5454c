package handlers

import (
	"context"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"parley/events"
	"parley/projections"
)

func (s *Server) syncRoutes() {
	register(s, users(), huma.Operation{
		OperationID: "sync",
		Method:      http.MethodGet,
		Path:        "/v1/sync",
		Summary:     "What changed in the conversations of the caller and of the merchants for whom they act since a position",
		Description: "For clients that keep what they have read. The events are those of /v1/stream, with the same names and data, oldest first: follow next until it is null, then open a stream with upTo as its Last-Event-ID. Of a conversation that the caller left since, that is told and nothing more; one that the caller joined since begins with what there is to show of it. With startOver, read your conversations anew, and go on from upTo.",
		Tags:        []string{"live"},
	}, s.sync)
}

type syncInput struct {
	After uint64 `query:"after" maximum:"9007199254740991" doc:"The upTo of the last answer, or the id of the last event of a stream; 0 for all there is."`
	Limit int    `query:"limit" minimum:"1" maximum:"1000" default:"200"`
}

type syncOutput struct {
	Body projections.Sync
}

func (s *Server) sync(ctx context.Context, in *syncInput) (*syncOutput, error) {
	ctx, cancel := context.WithTimeout(ctx, s.Limits.Wait)
	defer cancel()
	page, err := s.Views.Sync(ctx, callerOf(ctx).User, events.Position(in.After), in.Limit)
	if err != nil {
		return nil, err
	}
	if page.Next != nil {
		next := fmt.Sprintf("/v1/sync?after=%d&limit=%d", page.UpTo, in.Limit)
		page.Next = &next
	}
	return &syncOutput{page}, nil
}
