package decide

import (
	"net/url"
	"slices"

	"github.com/google/uuid"

	"parley/events"
)

const (
	maxWebhookURL  = 2_000
	maxVerifyToken = 500
)

// AllWebhookFields are all that an app can be told of.
var AllWebhookFields = []events.WebhookField{
	events.MessagesField, events.EchoesField, events.EditsField, events.DeliveriesField, events.ReadsField, events.ReactionsField,
	events.OptinsField, events.PostbacksField, events.HandoversField, events.StandbyField, events.OrdersField,
}

// usualFields are those of a webhook that names none: all but the echoes, which
// a program that does not expect them takes for messages, and answers.
var usualFields = slices.DeleteFunc(slices.Clone(AllWebhookFields), func(f events.WebhookField) bool { return f == events.EchoesField })

// Webhook is where an app is told what happens. The zero value is nowhere.
type Webhook struct {
	Configuration uuid.UUID
	URL           string
	Fields        []events.WebhookField
	// Disabled tells why it was switched off; it is empty if it was not.
	Disabled string
}

// Configured tells whether there is a webhook, switched off or not.
func (w Webhook) Configured() bool { return w.Configuration != uuid.Nil }

// WebhookRequest is the intent to be told what happens.
type WebhookRequest struct {
	Configuration uuid.UUID
	URL           string
	// VerifyToken is what the receiver knows its owner by. No fact holds it.
	VerifyToken string
	// Fields are all but the echoes if there are none.
	Fields []events.WebhookField
}

// ConfigureWebhook gives an app a webhook in place of the one it has. That
// somebody answers there is for the caller to see to.
func ConfigureWebhook(a *App, by uuid.UUID, r WebhookRequest) ([]events.Fact, error) {
	if err := a.Admit(by); err != nil {
		return nil, err
	}
	if err := checkWebhookURL(r.URL); err != nil {
		return nil, err
	}
	if err := checkLine("verifyToken", r.VerifyToken, 1, maxVerifyToken); err != nil {
		return nil, err
	}
	fields, err := checkFields(r.Fields)
	switch {
	case err != nil:
		return nil, err
	case a.Suspended != "":
		return nil, refuse(Taken, "", "the app is suspended: %s", a.Suspended)
	case a.Webhook.Configured() && a.Webhook.Disabled == "" && a.Webhook.URL == r.URL && slices.Equal(a.Webhook.Fields, fields):
		return nil, nil
	}
	return []events.Fact{&events.WebhookConfigured{App: a.ID, Configuration: r.Configuration, URL: r.URL, Fields: fields}}, nil
}

func checkWebhookURL(text string) error {
	if err := checkLine("url", text, 1, maxWebhookURL); err != nil {
		return err
	}
	at, err := url.Parse(text)
	switch {
	case err != nil || at.Scheme != "https" && at.Scheme != "http" || at.Hostname() == "":
		return refuse(Invalid, "url", "must be an https URL, or an http one where the operator allows its address")
	case at.User != nil:
		return refuse(Invalid, "url", "must not hold a name or a password: deliveries are signed, and nothing else vouches for them")
	case at.Fragment != "":
		return refuse(Invalid, "url", "must not have a fragment")
	}
	return nil
}

func checkFields(asked []events.WebhookField) ([]events.WebhookField, error) {
	if len(asked) == 0 {
		return usualFields, nil
	}
	for _, field := range asked {
		if !slices.Contains(AllWebhookFields, field) {
			return nil, refuse(Invalid, "fields", "%q is none of %q", field, AllWebhookFields)
		}
	}
	var fields []events.WebhookField
	for _, field := range AllWebhookFields {
		if slices.Contains(asked, field) {
			fields = append(fields, field)
		}
	}
	return fields, nil
}

// RemoveWebhook ends that an app is told anything.
func RemoveWebhook(a *App, by uuid.UUID) ([]events.Fact, error) {
	if err := a.Admit(by); err != nil || !a.Webhook.Configured() {
		return nil, err
	}
	return []events.Fact{&events.WebhookRemoved{App: a.ID}}, nil
}

// DisableWebhook switches off the webhook at which nobody answers. If the app
// has another one meanwhile, there is nothing to do.
func DisableWebhook(a *App, configuration uuid.UUID, reason string) ([]events.Fact, error) {
	if a.Webhook.Configuration != configuration || !a.Webhook.Configured() || a.Webhook.Disabled != "" {
		return nil, nil
	}
	return []events.Fact{&events.WebhookDisabled{App: a.ID, Configuration: configuration, Reason: reason}}, nil
}
