package handlers

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"parley/events"
	"parley/events/commands"
	"parley/projections"
)

func (s *Server) pageRoutes() {
	tags := []string{"merchants", "apps"}
	register(s, users(), huma.Operation{
		OperationID: "listConnectedApps", Method: http.MethodGet, Path: "/v1/merchants/{id}/apps",
		Summary:     "The apps that speak for a merchant",
		Description: "For its agents. The first is the primary one: threads are its own until it passes them on.",
		Tags:        tags, Errors: []int{http.StatusNotFound},
	}, s.listConnectedApps)
	register(s, users(), huma.Operation{
		OperationID: "connectApp", Method: http.MethodPut, Path: "/v1/merchants/{id}/apps/{app}",
		Summary:     "Let an app speak for a merchant, or change what it may do",
		Description: "For its agents. The answer holds the page access token, with which the app uses the Messenger API in all the merchant's conversations; it ends when the app is disconnected, and with the app's secret.",
		Tags:        tags, MaxBodyBytes: smallBody, Errors: []int{http.StatusNotFound, http.StatusConflict},
	}, s.connectApp)
	register(s, users(), huma.Operation{
		OperationID: "disconnectApp", Method: http.MethodDelete, Path: "/v1/merchants/{id}/apps/{app}",
		Summary: "End that an app speaks for a merchant", Description: "For its agents. Its page access token ends.",
		Tags: tags, Errors: []int{http.StatusNotFound},
	}, s.disconnectApp)
}

type connectedOutput struct {
	Body connectedApps
}

type connectedApps struct {
	Apps []connectedApp `json:"apps"`
}

// connectedApp is an app that speaks for a merchant.
type connectedApp struct {
	projections.AppCard
	Grants []events.Grant `json:"grants"`
}

func (s *Server) listConnectedApps(ctx context.Context, in *merchantIDInput) (*connectedOutput, error) {
	if err := s.employed(ctx, in.ID); err != nil {
		return nil, err
	}
	connected, err := s.Commands.ConnectedApps(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	list := make([]connectedApp, len(connected))
	for i, c := range connected {
		list[i] = connectedApp{projections.CardOf(c.AppCard), c.Grants}
	}
	return &connectedOutput{connectedApps{list}}, nil
}

type connectInput struct {
	ID   uuid.UUID `path:"id" format:"uuid"`
	App  uuid.UUID `path:"app" format:"uuid"`
	Body *connectBody
}

type connectBody struct {
	Grants []events.Grant `json:"grants,omitempty" doc:"What the app may do, of what it asks for; all of that if absent."`
}

type connectOutput struct {
	PositionHeader
	Body connection
}

// connection is what an agent is told of an app that was connected.
type connection struct {
	PageID          uuid.UUID      `json:"pageId" doc:"The merchant's id, by which the Messenger API knows the page."`
	AppID           uuid.UUID      `json:"appId"`
	PageAccessToken string         `json:"pageAccessToken"`
	Grants          []events.Grant `json:"grants"`
}

func (s *Server) connectApp(ctx context.Context, in *connectInput) (*connectOutput, error) {
	var asked []events.Grant
	if in.Body != nil {
		asked = in.Body.Grants
	}
	token, granted, written, err := s.Commands.ConnectApp(ctx, causeOf(ctx, ""), commands.Page{App: in.App, Merchant: in.ID}, callerOf(ctx).User, asked)
	if err != nil {
		return nil, err
	}
	at, err := s.writtenAt(ctx, events.MerchantStream(in.ID), written)
	return &connectOutput{at, connection{in.ID, in.App, token, append([]events.Grant{}, granted...)}}, err
}

type disconnectInput struct {
	ID  uuid.UUID `path:"id" format:"uuid"`
	App uuid.UUID `path:"app" format:"uuid"`
}

func (s *Server) disconnectApp(ctx context.Context, in *disconnectInput) (*PositionHeader, error) {
	written, err := s.Commands.DisconnectApp(ctx, causeOf(ctx, ""), commands.Page{App: in.App, Merchant: in.ID}, callerOf(ctx).User)
	if err != nil {
		return nil, err
	}
	out, err := s.writtenAt(ctx, events.MerchantStream(in.ID), written)
	return &out, err
}
