package handlers

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"parley/events"
	"parley/events/decide"
	"parley/projections"
)

func (s *Server) handoverRoutes() {
	tags, path := []string{"merchants", "apps"}, "/v1/conversations/{id}/control"
	register(s, users(), huma.Operation{
		OperationID: "getThreadControl", Method: http.MethodGet, Path: path,
		Summary:     "Who answers a merchant's customer now",
		Description: "For the merchant's agents: an app that speaks for it, or they themselves, and which apps ask to answer. A stream tells of a change as an event control.",
		Tags:        tags, Errors: []int{http.StatusNotFound},
	}, s.getThreadControl)
	register(s, users(), huma.Operation{
		OperationID: "setThreadControl", Method: http.MethodPut, Path: path,
		Summary:     "Take a merchant's thread over, or hand it to an app",
		Description: "For the merchant's agents, whoever answers now. The app that answered is told that the thread was taken, the one that gets it that it was passed on, both as the Messenger API's handover. Answers with who answers then.",
		Tags:        tags, MaxBodyBytes: smallBody, Errors: []int{http.StatusNotFound, http.StatusConflict},
	}, s.setThreadControl)
}

type controlInput struct {
	ID uuid.UUID `path:"id" format:"uuid"`
}

type (
	directInput struct {
		ID   uuid.UUID `path:"id" format:"uuid"`
		Body struct {
			AppID *uuid.UUID `json:"appId" nullable:"true" format:"uuid" doc:"An app that speaks for the merchant, or null for its agents."`
		}
	}
	controlOutput struct {
		Body threadControl
	}
	directOutput struct {
		PositionHeader
		Body threadControl
	}
)

// threadControl is who answers in a conversation of a merchant.
type threadControl struct {
	ConversationID uuid.UUID             `json:"conversationId"`
	App            *projections.AppCard  `json:"app" doc:"The app that answers, or null if it is the merchant's agents."`
	Requests       []projections.AppCard `json:"requests" doc:"The apps that have asked to answer since."`
	Apps           []projections.AppCard `json:"apps" doc:"The apps that speak for the merchant, and may be given the thread."`
}

func (s *Server) getThreadControl(ctx context.Context, in *controlInput) (*controlOutput, error) {
	control, err := s.controlOf(ctx, in.ID)
	return &controlOutput{control}, err
}

func (s *Server) setThreadControl(ctx context.Context, in *directInput) (*directOutput, error) {
	directing := decide.Directing{By: callerOf(ctx).User}
	if in.Body.AppID != nil {
		directing.To = *in.Body.AppID
	}
	written, err := s.Commands.DirectThread(ctx, causeOf(ctx, ""), in.ID, directing)
	if err != nil {
		return nil, err
	}
	at, err := s.writtenAt(ctx, events.ConversationStream(in.ID), written)
	if err != nil {
		return nil, err
	}
	control, err := s.controlOf(ctx, in.ID)
	return &directOutput{at, control}, err
}

func (s *Server) controlOf(ctx context.Context, conversation uuid.UUID) (threadControl, error) {
	control, err := s.Commands.ThreadControl(ctx, conversation, callerOf(ctx).User)
	if err != nil {
		return threadControl{}, err
	}
	shown := threadControl{ConversationID: conversation, Requests: []projections.AppCard{}, Apps: []projections.AppCard{}}
	cards := make(map[uuid.UUID]projections.AppCard)
	for _, connection := range control.Connected {
		card := projections.CardOf(connection.AppCard)
		cards[card.ID] = card
		shown.Apps = append(shown.Apps, card)
	}
	if card, is := cards[control.Owner]; is {
		shown.App = &card
	}
	for _, app := range control.Requests {
		shown.Requests = append(shown.Requests, cards[app])
	}
	return shown, nil
}
