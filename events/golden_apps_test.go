package events_test

import (
	"crypto/sha256"
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"parley/events"
)

var picture = events.Digest(sha256.Sum256([]byte("a picture")))

var mediaExamples = []events.Fact{
	&events.MediaUploaded{
		Media: picture, By: ada, KeepUntil: time.Date(2015, time.March, 26, 17, 0, 0, 0, time.UTC), Generation: 1,
		MediaInfo: events.MediaInfo{ContentType: "image/gif", Size: 4711, Width: 116, Height: 100, Frames: 14},
	},
	&events.MediaSwept{Media: picture, Generation: 1},
}

var (
	gifApp  = uuid.MustParse("00000000-0000-7000-8000-0000000000ab")
	listing = events.AppListing{
		Name: "Moving Pictures", Description: "Horses that run.", Website: "https://example.com", Icon: &picture,
		Grants: []events.Grant{events.ReadMessages, events.WriteAttachments},
	}
	attached = []events.Attachment{{
		Media: picture, Name: events.Private("horse.gif"),
		MediaInfo: events.MediaInfo{ContentType: "image/gif", Size: 4711, Width: 116, Height: 100, Frames: 14},
	}}
	card = events.AppCard{ID: gifApp, Name: "Moving Pictures", Icon: &picture}
)

var appExamples = []events.Fact{
	&events.AppRegistered{App: gifApp, Owner: ada, AppListing: listing},
	&events.AppChanged{App: gifApp, AppListing: listing},
	&events.AppPublished{App: gifApp},
	&events.AppSuspended{App: gifApp, Reason: "It sent the same horse a thousand times."},
	&events.AppResumed{App: gifApp},
	&events.AppSecretRotated{
		App: gifApp, Seed: room, SecretHash: picture, TokenHash: picture,
		PreviousUntil: time.Date(2015, time.March, 26, 17, 0, 0, 0, time.UTC),
	},
	&events.WebhookConfigured{App: gifApp, Configuration: room, URL: "https://gifs.example/hook", Fields: []events.WebhookField{events.MessagesField, events.OrdersField}},
	&events.WebhookRemoved{App: gifApp},
	&events.WebhookDisabled{App: gifApp, Configuration: room, Reason: "nobody has answered for a day"},
	&events.AppInstalled{Conversation: room, App: card, By: ada, Grants: listing.Grants, Since: 7},
	&events.AppRemoved{Conversation: room, App: gifApp, By: ada},
	&events.AttachmentShared{Conversation: room, App: card, Text: events.Private("It runs!"), Attachments: attached},
}

var pageExamples = []events.Fact{
	&events.AppConnected{Merchant: shop, App: card, By: ada, Grants: listing.Grants, Seed: room},
	&events.AppDisconnected{Merchant: shop, App: gifApp, By: ada},
	&events.ButtonPressed{Conversation: room, Number: &answered, App: gifApp, User: ada, Title: events.Private("Start"), Payload: events.Private("START")},
	&events.PageProfileChanged{Page: shop, App: gifApp, Fields: map[string]json.RawMessage{"get_started": json.RawMessage(`{"payload":"GO"}`), "greeting": json.RawMessage(`null`)}},
	&events.PageSubscribed{Page: shop, App: gifApp, Fields: []string{"messages", "messaging_postbacks"}},
	&events.PageUnsubscribed{Page: shop, App: gifApp},
	&events.PersonaCreated{Page: shop, App: gifApp, Persona: events.Persona{ID: room, Name: "Ned", PictureURL: "https://example.com/ned.png"}},
	&events.PersonaDeleted{Page: shop, App: gifApp, Persona: room},
	&events.ThreadControlPassed{Conversation: room, App: gifApp, To: shop, Metadata: events.Private("asks for a refund")},
	&events.ThreadControlTaken{Conversation: room, App: gifApp, From: shop, Metadata: events.Private("is done")},
	&events.ThreadControlRequested{Conversation: room, App: gifApp, Owner: shop, Metadata: events.Private("knows refunds")},
}

var botPart = &events.BotPart{
	Template:     events.Private(`{"template_type":"button","text":"Tea?","buttons":[{"type":"postback","title":"Yes","payload":"TEA"}]}`),
	QuickReplies: events.Private(`[{"content_type":"text","title":"No","payload":"COFFEE"}]`),
	Metadata:     events.Private("asked once"),
	Persona:      &events.Persona{ID: room, Name: "Ned", PictureURL: "https://example.com/ned.png"},
	Notification: "NO_PUSH",
}
