package decide_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"parley/events"
	"parley/events/decide"
)

var (
	clips   = uuid.MustParse("00000000-0000-7000-8000-0000000000ab")
	listing = events.AppListing{Name: "Clips", Website: "https://example.com", Grants: []events.Grant{events.ReadMessages, events.WriteMessages}}
	first   = decide.Credential{Seed: room, SecretHash: picture, TokenHash: events.Digest{1}}
	second  = decide.Credential{Seed: ada, SecretHash: picture, TokenHash: events.Digest{2}}
)

func app(past ...events.Fact) *decide.App {
	a := decide.NewApp()
	for _, fact := range past {
		a = decide.EvolveApp(a, fact)
	}
	return a
}

func registeredApp() []events.Fact {
	return []events.Fact{
		&events.AppRegistered{App: clips, Owner: ada, AppListing: listing},
		&events.AppSecretRotated{App: clips, Seed: first.Seed, SecretHash: first.SecretHash, TokenHash: first.TokenHash},
	}
}

func publishedApp() []events.Fact { return append(registeredApp(), &events.AppPublished{App: clips}) }

func TestRegisterApp(t *testing.T) {
	r := decide.AppRegistration{App: clips, Owner: ada, Listing: listing, Credential: first}
	got, err := decide.RegisterApp(app(), r)
	when(t, got, err).then(registeredApp()...)
	got, err = decide.RegisterApp(app(registeredApp()...), r)
	when(t, got, err).thenRefused(decide.Taken, "")
	for field, listing := range map[string]events.AppListing{
		"name":        {Name: strings.Repeat("n", 65)},
		"description": {Name: "N", Description: "\x00"},
		"website":     {Name: "N", Website: "ftp://example.com"},
		"grants":      {Name: "N", Grants: []events.Grant{"everything"}},
	} {
		got, err := decide.RegisterApp(app(), decide.AppRegistration{App: clips, Owner: ada, Listing: listing})
		when(t, got, err).thenRefused(decide.Invalid, field)
	}
}

func TestOnlyTheOwnerSpeaksForAnApp(t *testing.T) {
	decisions := map[string]func(*decide.App, uuid.UUID) ([]events.Fact, error){
		"change":  func(a *decide.App, by uuid.UUID) ([]events.Fact, error) { return decide.ChangeApp(a, by, listing) },
		"publish": decide.PublishApp,
		"rotate": func(a *decide.App, by uuid.UUID) ([]events.Fact, error) {
			return decide.RotateSecret(a, by, second, noon)
		},
	}
	for name, decision := range decisions {
		t.Run(name, func(t *testing.T) {
			got, err := decision(app(registeredApp()...), bob)
			when(t, got, err).thenRefused(decide.Unknown, "")
			got, err = decision(app(publishedApp()...), bob)
			when(t, got, err).thenRefused(decide.Forbidden, "")
			got, err = decision(app(), ada)
			when(t, got, err).thenRefused(decide.Unknown, "")
			if _, err := decision(app(registeredApp()...), ada); err != nil {
				t.Errorf("by the owner: %v", err)
			}
		})
	}
}

func TestSuspension(t *testing.T) {
	suspended := &events.AppSuspended{App: clips, Reason: "noise"}
	got, err := decide.SuspendApp(app(publishedApp()...), "noise")
	when(t, got, err).then(suspended)
	stopped := app(append(publishedApp(), suspended)...)
	got, err = decide.SuspendApp(stopped, "noise")
	when(t, got, err).then()
	got, err = decide.SuspendApp(stopped, "")
	when(t, got, err).thenRefused(decide.Invalid, "reason")
	if stopped.Accepts(first.TokenHash, noon) {
		t.Error("a suspended app's token is accepted")
	}
	got, err = decide.ResumeApp(stopped)
	when(t, got, err).then(&events.AppResumed{App: clips})
	got, err = decide.ResumeApp(app(publishedApp()...))
	when(t, got, err).then()
}

func TestCredentialsOverlap(t *testing.T) {
	got, err := decide.RotateSecret(app(registeredApp()...), ada, second, noon)
	rotated := &events.AppSecretRotated{App: clips, Seed: second.Seed, SecretHash: picture, TokenHash: second.TokenHash, PreviousUntil: noon}
	when(t, got, err).then(rotated)
	a := app(append(registeredApp(), rotated)...)
	got, err = decide.RotateSecret(a, ada, second, noon.Add(time.Hour))
	when(t, got, err).then()
	for moment, want := range map[time.Time][2]bool{noon.Add(-1): {true, true}, noon: {false, true}} {
		if got := [2]bool{a.Accepts(first.TokenHash, moment), a.Accepts(second.TokenHash, moment)}; got != want {
			t.Errorf("at %s accepted: %v, want %v", moment, got, want)
		}
	}
	if a.Accepts(picture, noon) {
		t.Error("any token is accepted")
	}
}

func TestInstallApp(t *testing.T) {
	talk, by := given(group(ada, bob)), bob
	installed := &events.AppInstalled{Conversation: room, App: events.AppCard{ID: clips, Name: "Clips"}, By: bob, Grants: listing.Grants, Since: 7}
	got, err := decide.InstallApp(talk, app(publishedApp()...), by, nil, 7)
	when(t, got, err).then(installed)
	with := given(group(ada, bob), installed)
	got, err = decide.InstallApp(with, app(publishedApp()...), by, listing.Grants, 9)
	when(t, got, err).then()
	t.Run("with other grants it sees no more than before", func(t *testing.T) {
		changed := *installed
		changed.Grants = []events.Grant{events.ReadMessages}
		got, err := decide.InstallApp(with, app(publishedApp()...), by, changed.Grants, 9)
		when(t, got, err).then(&changed)
	})
	for name, c := range map[string]struct {
		app    *decide.App
		by     uuid.UUID
		grants []events.Grant
		kind   decide.Kind
		field  string
	}{
		"by a stranger":      {app(publishedApp()...), cleo, nil, decide.Unknown, ""},
		"unpublished":        {app(registeredApp()...), bob, nil, decide.Unknown, ""},
		"unknown":            {app(), bob, nil, decide.Unknown, ""},
		"suspended":          {app(append(publishedApp(), &events.AppSuspended{App: clips, Reason: "noise"})...), bob, nil, decide.Taken, ""},
		"more than it asks":  {app(publishedApp()...), bob, []events.Grant{events.ReadProfiles}, decide.Invalid, "grants"},
		"what nobody grants": {app(publishedApp()...), bob, []events.Grant{"everything"}, decide.Invalid, "grants"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := decide.InstallApp(talk, c.app, c.by, c.grants, 7)
			when(t, got, err).thenRefused(c.kind, c.field)
		})
	}
	t.Run("its owner tries it before it is published", func(t *testing.T) {
		own := *installed
		own.By = ada
		got, err := decide.InstallApp(talk, app(registeredApp()...), ada, nil, 7)
		when(t, got, err).then(&own)
	})
	got, err = decide.RemoveApp(with, clips, ada)
	when(t, got, err).then(&events.AppRemoved{Conversation: room, App: clips, By: ada})
	got, err = decide.RemoveApp(talk, clips, ada)
	when(t, got, err).then()
}

func TestAppsPostAsFarAsTheirGrantsReach(t *testing.T) {
	card := events.AppCard{ID: clips, Name: "Clips"}
	with := func(grants ...events.Grant) *decide.Conversation {
		return given(group(ada, bob), &events.AppInstalled{Conversation: room, App: card, By: ada, Grants: grants})
	}
	files := []decide.Attachment{{Media: picture, Name: "a.gif", Info: still}}
	says := decide.Message{Conversation: room, Author: clips, App: &card, Text: "hello"}
	shares := decide.Message{Conversation: room, Author: clips, App: &card, Attachments: files}
	got, err := decide.Post(with(events.WriteMessages), says)
	when(t, got, err).then(&events.MessagePosted{Conversation: room, Author: clips, App: &card, Text: events.Private("hello")})
	got, err = decide.Post(with(events.WriteAttachments), shares)
	when(t, got, err).then(&events.AttachmentShared{
		Conversation: room, App: card, Attachments: []events.Attachment{{Media: picture, MediaInfo: still, Name: events.Private("a.gif")}},
	})
	got, err = decide.Post(with(events.WriteAttachments), says)
	when(t, got, err).thenRefused(decide.Forbidden, "")
	got, err = decide.Post(with(events.WriteMessages), shares)
	when(t, got, err).thenRefused(decide.Forbidden, "")
	got, err = decide.Post(given(group(ada, bob)), says)
	when(t, got, err).thenRefused(decide.Unknown, "")
}
