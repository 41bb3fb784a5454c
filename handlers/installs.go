package handlers

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"parley/events"
	"parley/projections"
)

func (s *Server) installRoutes() {
	register(s, users(), huma.Operation{
		OperationID: "listInstalls", Method: http.MethodGet, Path: "/v1/conversations/{id}/apps",
		Summary: "The apps in a conversation",
		Tags:    []string{"apps"},
		Errors:  []int{http.StatusNotFound},
	}, s.listInstalls)
	register(s, users(), huma.Operation{
		OperationID: "installApp", Method: http.MethodPut, Path: "/v1/conversations/{id}/apps/{app}",
		Summary:      "Let an app take part in a conversation, or change what it may do there",
		Description:  "For participants. An app that may read sees what is said from now on.",
		Tags:         []string{"apps"},
		MaxBodyBytes: smallBody,
		Errors:       []int{http.StatusNotFound, http.StatusConflict},
	}, s.installApp)
	serve[postInput, postOutput](s, apps(), huma.Operation{
		OperationID: "shareAttachments", Method: http.MethodPost, Path: "/v1/conversations/{id}/attachments",
		Summary:       "Share files, as an app",
		Description:   "Takes attachments:write, and messages:write if there is a text.",
		Tags:          []string{"apps"},
		DefaultStatus: http.StatusCreated,
		MaxBodyBytes:  messageBody,
		Errors:        []int{http.StatusNotFound},
	}, s.postMessage)
	register(s, users(), huma.Operation{
		OperationID: "removeApp", Method: http.MethodDelete, Path: "/v1/conversations/{id}/apps/{app}",
		Summary:     "Take an app out of a conversation",
		Description: "For participants. What it shared stays.",
		Tags:        []string{"apps"},
		Errors:      []int{http.StatusNotFound},
	}, s.removeApp)
}

type installsOutput struct {
	Body installs
}

type installs struct {
	Apps []projections.Installed `json:"apps"`
}

func (s *Server) listInstalls(ctx context.Context, in *conversationInput) (*installsOutput, error) {
	if err := s.reaches(ctx, projections.AppsName, in.Position); err != nil {
		return nil, err
	}
	if err := s.Commands.Admit(ctx, in.ID, callerOf(ctx).User); err != nil {
		return nil, err
	}
	apps, err := s.Views.Apps.In(ctx, in.ID)
	return &installsOutput{installs{apps}}, err
}

type installInput struct {
	ID   uuid.UUID `path:"id" format:"uuid"`
	App  uuid.UUID `path:"app" format:"uuid"`
	Body *installBody
}

type installBody struct {
	Grants []events.Grant `json:"grants,omitempty" doc:"What the app may do here, of what it asks for; all of that if absent."`
}

func (s *Server) installApp(ctx context.Context, in *installInput) (*PositionHeader, error) {
	var grants []events.Grant
	if in.Body != nil {
		grants = in.Body.Grants
	}
	written, err := s.Commands.InstallApp(ctx, causeOf(ctx, ""), in.ID, in.App, callerOf(ctx).User, grants)
	if err != nil {
		return nil, err
	}
	out, err := s.writtenAt(ctx, events.ConversationStream(in.ID), written)
	return &out, err
}

type removeAppInput struct {
	ID  uuid.UUID `path:"id" format:"uuid"`
	App uuid.UUID `path:"app" format:"uuid"`
}

func (s *Server) removeApp(ctx context.Context, in *removeAppInput) (*PositionHeader, error) {
	written, err := s.Commands.RemoveApp(ctx, causeOf(ctx, ""), in.ID, in.App, callerOf(ctx).User)
	if err != nil {
		return nil, err
	}
	out, err := s.writtenAt(ctx, events.ConversationStream(in.ID), written)
	return &out, err
}

// appCard is how the calling app is shown, or nil if a user calls.
func (s *Server) appCard(ctx context.Context) (*events.AppCard, error) {
	caller := callerOf(ctx)
	if caller.App == uuid.Nil {
		return nil, nil
	}
	app, err := s.Commands.App(ctx, caller.App)
	card := app.Card()
	return &card, err
}

// pageFor is a page of messages for the caller. Apps read forwards, what was
// said since they came.
func (s *Server) pageFor(ctx context.Context, conversation uuid.UUID, chosen projections.Range) (projections.PageBody, error) {
	caller := callerOf(ctx)
	if caller.App == uuid.Nil {
		return s.Views.Conversations.PageJSON(ctx, conversation, caller.User, chosen)
	}
	installed, err := s.Commands.Installation(ctx, conversation, caller.App, events.ReadMessages)
	if err != nil {
		return projections.PageBody{}, err
	}
	if chosen.Before != nil {
		return projections.PageBody{}, refusedField("query.before", "is not for apps, which read forwards with after")
	}
	after := int64(installed.Since) - 1
	if chosen.After != nil {
		after = max(after, *chosen.After)
	}
	chosen.After = &after
	return s.Views.Conversations.AnyonesPage(ctx, conversation, chosen)
}
