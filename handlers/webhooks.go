package handlers

import (
	"context"
	"encoding/binary"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"parley/events"
	"parley/events/decide"
	"parley/handlers/webhooks"
)

func (s *Server) webhookRoutes() {
	register(s, users(), huma.Operation{
		OperationID: "configureWebhook", Method: http.MethodPut, Path: "/v1/apps/{id}/webhook",
		Summary:      "Have an app told what happens",
		Description:  "For its owner. The address is asked first: GET with hub.mode=subscribe, hub.verify_token and hub.challenge, which it answers with 200 and the challenge's value. Redirects are not followed. A webhook that was switched off is switched on again in the same way.",
		Tags:         []string{"apps"},
		MaxBodyBytes: smallBody,
		Errors:       []int{http.StatusNotFound, http.StatusConflict},
	}, s.configureWebhook)
	register(s, users(), huma.Operation{
		OperationID: "getWebhook", Method: http.MethodGet, Path: "/v1/apps/{id}/webhook",
		Summary:     "Where an app is told what happens, and whether that works",
		Description: "For its owner.",
		Tags:        []string{"apps"},
		Errors:      []int{http.StatusNotFound},
	}, s.getWebhook)
	register(s, users(), huma.Operation{
		OperationID: "removeWebhook", Method: http.MethodDelete, Path: "/v1/apps/{id}/webhook",
		Summary:     "Have an app told nothing any more",
		Description: "For its owner.",
		Tags:        []string{"apps"},
		Errors:      []int{http.StatusNotFound},
	}, s.removeWebhook)
}

type webhookInput struct {
	ID   uuid.UUID `path:"id" format:"uuid"`
	Body webhookBody
}

type webhookBody struct {
	URL         string                `json:"url" doc:"An https URL; an http one where the operator allows its address." example:"https://bot.example/hook"`
	VerifyToken string                `json:"verifyToken" doc:"What the receiver knows you by, 1 to 500 characters on one line. It is used for the challenge, and kept nowhere."`
	Fields      []events.WebhookField `json:"fields,omitempty" doc:"What to be told of: messages, message_echoes, message_edits, message_deliveries, message_reads, message_reactions, messaging_optins, messaging_postbacks, messaging_handovers, standby, orders. All but message_echoes if absent."`
}

type webhookWrittenOutput struct {
	PositionHeader
	Body webhook
}

type webhookOutput struct {
	Body webhook
}

// webhook is where an app is told what happens.
type webhook struct {
	URL    string                `json:"url"`
	Fields []events.WebhookField `json:"fields"`
	// State is on, or off if nobody has answered for too long.
	State string `json:"state" enum:"on,off"`
	// Reason is why it was switched off, or null.
	Reason *string `json:"reason"`
	// Waiting counts the deliveries that are still to be made.
	Waiting int64 `json:"waiting"`
	// DeliveredAt is when a delivery was taken last, or null.
	DeliveredAt *time.Time `json:"deliveredAt"`
}

func (s *Server) webhookOf(ctx context.Context, app decide.App) (webhook, error) {
	w := app.Webhook
	shown := webhook{URL: w.URL, Fields: w.Fields, State: "on"}
	if w.Disabled != "" {
		shown.State, shown.Reason = "off", &w.Disabled
	}
	standing, err := s.Webhooks.Standing(ctx, app.ID)
	shown.Waiting, shown.DeliveredAt = standing.Waiting, standing.DeliveredAt
	return shown, err
}

func (s *Server) configureWebhook(ctx context.Context, in *webhookInput) (*webhookWrittenOutput, error) {
	caller := callerOf(ctx).User
	request := decide.WebhookRequest{URL: in.Body.URL, VerifyToken: in.Body.VerifyToken, Fields: in.Body.Fields}
	if err := s.Commands.CheckWebhook(ctx, in.ID, caller, request); err != nil {
		return nil, err
	}
	err := webhooks.Verify(ctx, s.outward, request.URL, request.VerifyToken, s.challenge())
	if refused := (*webhooks.Unverified)(nil); errors.As(err, &refused) {
		return nil, refusedField("body.url", refused.Reason)
	}
	if err != nil {
		return nil, err
	}
	written, err := s.Commands.ConfigureWebhook(ctx, causeOf(ctx, ""), in.ID, caller, request)
	if err != nil {
		return nil, err
	}
	position, err := s.writtenAt(ctx, events.AppStream(in.ID), written)
	if err != nil {
		return nil, err
	}
	app, err := s.Commands.App(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	shown, err := s.webhookOf(ctx, app)
	return &webhookWrittenOutput{position, shown}, err
}

// challenge is a number that nobody can guess, as a platform's bots expect it.
func (s *Server) challenge() string {
	id := s.NewID() // its last eight bytes are random but for two bits
	return strconv.FormatUint(binary.BigEndian.Uint64(id[8:])&(1<<62-1), 10)
}

// ownApp is an app of the caller's.
func (s *Server) ownApp(ctx context.Context, id uuid.UUID) (decide.App, error) {
	app, err := s.Commands.App(ctx, id)
	if err == nil {
		err = app.Admit(callerOf(ctx).User)
	}
	return app, err
}

type ownAppInput struct {
	ID uuid.UUID `path:"id" format:"uuid"`
}

func (s *Server) getWebhook(ctx context.Context, in *ownAppInput) (*webhookOutput, error) {
	app, err := s.ownApp(ctx, in.ID)
	if err == nil && !app.Webhook.Configured() {
		err = newProblem(http.StatusNotFound, "the app has no webhook")
	}
	if err != nil {
		return nil, err
	}
	shown, err := s.webhookOf(ctx, app)
	return &webhookOutput{shown}, err
}

func (s *Server) removeWebhook(ctx context.Context, in *ownAppInput) (*PositionHeader, error) {
	written, err := s.Commands.RemoveWebhook(ctx, causeOf(ctx, ""), in.ID, callerOf(ctx).User)
	if err != nil {
		return nil, err
	}
	out, err := s.writtenAt(ctx, events.AppStream(in.ID), written)
	return &out, err
}
