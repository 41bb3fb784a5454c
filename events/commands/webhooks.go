package commands

import (
	"context"

	"github.com/google/uuid"

	"parley/events"
	"parley/events/decide"
)

// WebhookActor is who switches webhooks off.
const WebhookActor = "webhooks"

// CheckWebhook refuses a webhook that ConfigureWebhook would refuse, before
// anybody is asked to answer there.
func (c *Commands) CheckWebhook(ctx context.Context, app, by uuid.UUID, request decide.WebhookRequest) error {
	_, err := c.apps.With(ctx, events.AppStream(app), func(a *decide.App) error {
		_, err := decide.ConfigureWebhook(a, by, request)
		return err
	})
	return err
}

// ConfigureWebhook gives an app a webhook at which somebody has answered, on
// behalf of its owner. It returns the WebhookConfigured event, or none if that
// is the webhook already.
func (c *Commands) ConfigureWebhook(ctx context.Context, cause events.Cause, app, by uuid.UUID, request decide.WebhookRequest) ([]events.Event, error) {
	request.Configuration = c.newID(cause)
	return c.transactApp(ctx, cause, app, func(a *decide.App) ([]events.Fact, error) { return decide.ConfigureWebhook(a, by, request) })
}

// RemoveWebhook ends that an app is told anything, on behalf of its owner. It
// returns the WebhookRemoved event, or none if there is no webhook.
func (c *Commands) RemoveWebhook(ctx context.Context, cause events.Cause, app, by uuid.UUID) ([]events.Event, error) {
	return c.transactApp(ctx, cause, app, func(a *decide.App) ([]events.Fact, error) { return decide.RemoveWebhook(a, by) })
}

// DisableWebhook switches off a webhook at which nobody answers. It returns the
// WebhookDisabled event, or none if the app has another by now.
func (c *Commands) DisableWebhook(ctx context.Context, app, configuration uuid.UUID, reason string) ([]events.Event, error) {
	return c.transactApp(ctx, events.Cause{Actor: WebhookActor}, app,
		func(a *decide.App) ([]events.Fact, error) { return decide.DisableWebhook(a, configuration, reason) })
}
