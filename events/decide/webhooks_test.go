package decide_test

import (
	"strings"
	"testing"

	"github.com/google/uuid"

	"parley/events"
	"parley/events/decide"
)

var (
	hook  = decide.WebhookRequest{Configuration: room, URL: "https://bot.example/hook?key=1", VerifyToken: "vogel", Fields: []events.WebhookField{events.MessagesField}}
	wired = &events.WebhookConfigured{App: clips, Configuration: room, URL: hook.URL, Fields: hook.Fields}
)

func TestConfigureWebhook(t *testing.T) {
	got, err := decide.ConfigureWebhook(app(registeredApp()...), ada, hook)
	when(t, got, err).then(wired)

	all := hook
	all.Fields = nil
	got, err = decide.ConfigureWebhook(app(registeredApp()...), ada, all)
	if err != nil || len(got) != 1 {
		t.Fatalf("%v, %v", got, err)
	}
	for _, field := range got[0].(*events.WebhookConfigured).Fields {
		if field == events.EchoesField {
			t.Error("echoes come without being asked for")
		}
	}

	mixed := hook
	mixed.Fields = []events.WebhookField{events.OrdersField, events.MessagesField, events.OrdersField}
	got, err = decide.ConfigureWebhook(app(registeredApp()...), ada, mixed)
	when(t, got, err).then(&events.WebhookConfigured{App: clips, Configuration: room, URL: hook.URL, Fields: []events.WebhookField{events.MessagesField, events.OrdersField}})
}

func TestConfigureWebhookAgain(t *testing.T) {
	past := append(registeredApp(), wired)
	again := hook
	again.Configuration = uuid.New()
	got, err := decide.ConfigureWebhook(app(past...), ada, again)
	when(t, got, err).then()
	disabled := append(past, &events.WebhookDisabled{App: clips, Configuration: room, Reason: "silence"})
	for name, past := range map[string][]events.Fact{"disabled": disabled, "removed": append(past, &events.WebhookRemoved{App: clips})} {
		got, err = decide.ConfigureWebhook(app(past...), ada, again)
		if err != nil || len(got) != 1 {
			t.Errorf("%s: %v, %v, want a new configuration", name, got, err)
		}
	}
}

func TestConfigureWebhookRefused(t *testing.T) {
	for field, change := range map[string]func(*decide.WebhookRequest){
		"url":         func(r *decide.WebhookRequest) { r.URL = "https://user:word@bot.example/" },
		"verifyToken": func(r *decide.WebhookRequest) { r.VerifyToken = "" },
		"fields":      func(r *decide.WebhookRequest) { r.Fields = []events.WebhookField{"everything"} },
	} {
		request := hook
		change(&request)
		got, err := decide.ConfigureWebhook(app(registeredApp()...), ada, request)
		when(t, got, err).thenRefused(decide.Invalid, field)
	}
	for _, url := range []string{"", "bot.example", "ftp://bot.example", "https://", "https://:443/", "https://bot.example/#x", "https://bot.example/" + strings.Repeat("x", 2_000), "https://bot.example/\n"} {
		request := hook
		request.URL = url
		got, err := decide.ConfigureWebhook(app(registeredApp()...), ada, request)
		when(t, got, err).thenRefused(decide.Invalid, "url")
	}
	got, err := decide.ConfigureWebhook(app(publishedApp()...), bob, hook)
	when(t, got, err).thenRefused(decide.Forbidden, "")
	got, err = decide.ConfigureWebhook(app(registeredApp()...), bob, hook)
	when(t, got, err).thenRefused(decide.Unknown, "")
	got, err = decide.ConfigureWebhook(app(append(registeredApp(), &events.AppSuspended{App: clips, Reason: "spam"})...), ada, hook)
	when(t, got, err).thenRefused(decide.Taken, "")
}

func TestRemoveWebhook(t *testing.T) {
	got, err := decide.RemoveWebhook(app(append(registeredApp(), wired)...), ada)
	when(t, got, err).then(&events.WebhookRemoved{App: clips})
	got, err = decide.RemoveWebhook(app(registeredApp()...), ada)
	when(t, got, err).then()
	got, err = decide.RemoveWebhook(app(append(publishedApp(), wired)...), bob)
	when(t, got, err).thenRefused(decide.Forbidden, "")
}

func TestDisableWebhook(t *testing.T) {
	past := append(registeredApp(), wired)
	got, err := decide.DisableWebhook(app(past...), room, "silence")
	when(t, got, err).then(&events.WebhookDisabled{App: clips, Configuration: room, Reason: "silence"})
	got, err = decide.DisableWebhook(app(past...), uuid.New(), "silence of the one before")
	when(t, got, err).then()
	got, err = decide.DisableWebhook(app(append(past, &events.WebhookDisabled{App: clips, Configuration: room, Reason: "silence"})...), room, "again")
	when(t, got, err).then()
	got, err = decide.DisableWebhook(app(append(past, &events.WebhookRemoved{App: clips})...), room, "gone")
	when(t, got, err).then()
	got, err = decide.DisableWebhook(app(registeredApp()...), uuid.Nil, "none")
	when(t, got, err).then()
}
