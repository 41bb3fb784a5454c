package handlers

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"parley/events"
)

func (s *Server) preferenceRoutes() {
	register(s, users(), huma.Operation{
		OperationID:  "muteConversation",
		Method:       http.MethodPut,
		Path:         "/v1/conversations/{id}/mute",
		Summary:      "Ask for no notifications of a conversation's messages",
		Tags:         []string{"preferences"},
		MaxBodyBytes: smallBody,
		Errors:       []int{http.StatusNotFound},
	}, s.muteConversation)
	s.preferenceRoute(http.MethodDelete, "mute", "unmuteConversation",
		"Ask for notifications again", s.Commands.Unmute)
	s.preferenceRoute(http.MethodPut, "archive", "archiveConversation",
		"Put a conversation away until somebody else posts in it", s.Commands.Archive)
	s.preferenceRoute(http.MethodDelete, "archive", "unarchiveConversation",
		"Take a conversation out of the archive", s.Commands.Unarchive)
}

type preference func(ctx context.Context, cause events.Cause, conversation, user uuid.UUID) (events.Event, error)

type preferenceInput struct {
	ID uuid.UUID `path:"id" format:"uuid"`
}

// preferenceRoute is a route that takes nothing but the conversation.
func (s *Server) preferenceRoute(method, name, operation, summary string, prefer preference) {
	register(s, users(), huma.Operation{
		OperationID: operation,
		Method:      method,
		Path:        "/v1/conversations/{id}/" + name,
		Summary:     summary,
		Tags:        []string{"preferences"},
		Errors:      []int{http.StatusNotFound},
	}, func(ctx context.Context, in *preferenceInput) (*PositionHeader, error) {
		event, err := prefer(ctx, causeOf(ctx, ""), in.ID, callerOf(ctx).User)
		if err != nil {
			return nil, err
		}
		return &PositionHeader{uint64(event.Position)}, nil
	})
}

type muteInput struct {
	ID   uuid.UUID `path:"id" format:"uuid"`
	Body struct {
		Until *time.Time `json:"until,omitempty" nullable:"true" doc:"When notifications begin again; for good if absent."`
	}
}

func (s *Server) muteConversation(ctx context.Context, in *muteInput) (*PositionHeader, error) {
	event, err := s.Commands.Mute(ctx, causeOf(ctx, ""), in.ID, callerOf(ctx).User, in.Body.Until)
	if err != nil {
		return nil, err
	}
	return &PositionHeader{uint64(event.Position)}, nil
}
