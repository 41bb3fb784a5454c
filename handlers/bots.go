package handlers

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"parley/events/decide"
)

func (s *Server) botRoutes() {
	register(s, users(), huma.Operation{
		OperationID: "pressButton", Method: http.MethodPost, Path: "/v1/conversations/{id}/buttons",
		Summary:       "Press a button that tells an app so",
		Description:   "A postback button of a message's template, or one that a page offers always, as listPages tells.",
		Tags:          []string{"messages", "apps"},
		DefaultStatus: http.StatusCreated,
		MaxBodyBytes:  smallBody,
		Errors:        []int{http.StatusNotFound, http.StatusConflict},
	}, s.pressButton)
	register(s, users(), huma.Operation{
		OperationID: "listPages", Method: http.MethodGet, Path: "/v1/conversations/{id}/pages",
		Summary:     "The pages that bots speak as in a conversation",
		Description: "A page is its merchant's, or an app's that is installed. Its profile has what the Messenger Platform's has: greeting, get_started, ice_breakers, persistent_menu.",
		Tags:        []string{"conversations", "apps"},
		Errors:      []int{http.StatusNotFound},
	}, s.listPages)
}

type pressInput struct {
	KeyHeader
	ID   uuid.UUID `path:"id" format:"uuid"`
	Body struct {
		Number  *uint64 `json:"number,omitempty" maximum:"9007199254740991" doc:"The number of the message that has the button; absent for one that a page offers always."`
		Payload string  `json:"payload" maxLength:"1000" doc:"What the app knows the button by."`
	}
}

type pressOutput struct {
	PositionHeader
	Body pressed
}

// pressed is a press of a button.
type pressed struct {
	ConversationID uuid.UUID `json:"conversationId"`
	// Number is the press's own among the conversation's messages.
	Number  uint64 `json:"number"`
	Payload string `json:"payload"`
}

func (s *Server) pressButton(ctx context.Context, in *pressInput) (*pressOutput, error) {
	cause, err := in.cause(ctx)
	if err != nil {
		return nil, err
	}
	event, err := s.Commands.PressButton(ctx, cause, in.ID, decide.Press{User: callerOf(ctx).User, Number: in.Body.Number, Payload: in.Body.Payload})
	if err != nil {
		return nil, err
	}
	return &pressOutput{PositionHeader{uint64(event.Position)}, pressed{in.ID, event.Revision, in.Body.Payload}}, nil
}

type pagesOutput struct {
	Body pagesInside
}

type pagesInside struct {
	Pages []botPage `json:"pages"`
}

// botPage is what bots made of a page.
type botPage struct {
	ID      uuid.UUID                  `json:"id" doc:"The merchant's id, or the app's."`
	Profile map[string]json.RawMessage `json:"profile"`
}

func (s *Server) listPages(ctx context.Context, in *conversationInput) (*pagesOutput, error) {
	if err := s.Commands.Admit(ctx, in.ID, callerOf(ctx).User); err != nil {
		return nil, err
	}
	pages, err := s.Commands.PagesIn(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	list := make([]botPage, len(pages))
	for i, page := range pages {
		state, err := s.Commands.PageState(ctx, page)
		if err != nil {
			return nil, err
		}
		list[i] = botPage{page.ID(), state.Profile}
		if list[i].Profile == nil {
			list[i].Profile = map[string]json.RawMessage{}
		}
	}
	return &pagesOutput{pagesInside{list}}, nil
}
