package projections_test

import (
	"crypto/sha256"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"parley/events"
	"parley/projections"
)

var (
	gifApp  = uuid.MustParse("00000000-0000-7000-8000-0000000000ab")
	gifCard = events.AppCard{ID: gifApp, Name: "Moving Pictures"}
)

// bringApp registers the app of these tests and publishes it.
func (w *world) bringApp(owner uuid.UUID) {
	w.t.Helper()
	w.append(events.AppStream(gifApp), by(owner, 0),
		&events.AppRegistered{App: gifApp, Owner: owner, AppListing: events.AppListing{Name: gifCard.Name, Grants: []events.Grant{events.ReadMessages}}},
		&events.AppPublished{App: gifApp})
}

// appComesOrGoes installs the app of these tests in a room, or removes it.
func (w *world) appComesOrGoes(room, user uuid.UUID, comes bool, after time.Duration) {
	w.t.Helper()
	if comes {
		w.append(events.ConversationStream(room), by(user, after),
			&events.AppInstalled{Conversation: room, App: gifCard, By: user, Grants: []events.Grant{events.ReadMessages}, Since: 1})
		return
	}
	w.append(events.ConversationStream(room), by(user, after), &events.AppRemoved{Conversation: room, App: gifApp, By: user})
}

func attachment(content string) []events.Attachment {
	return []events.Attachment{{
		Media: sha256.Sum256([]byte(content)), Name: events.Private(content + ".txt"),
		MediaInfo: events.MediaInfo{ContentType: "text/plain", Size: int64(len(content))},
	}}
}

// attach posts a file, which may not be among those that were brought.
func (w *world) attach(room, author uuid.UUID, content string, after time.Duration) events.Event {
	w.t.Helper()
	return w.append(events.MessagesStream(room), by(author, after), &events.MessagePosted{
		Conversation: room, Author: author, Attachments: attachment(content),
	})
}

// share is attach by the app of these tests.
func (w *world) share(room uuid.UUID, content string, after time.Duration) events.Event {
	w.t.Helper()
	return w.append(events.MessagesStream(room), events.Cause{Actor: "app", OccurredAt: morning.Add(after)}, &events.AttachmentShared{
		Conversation: room, App: gifCard, Text: events.Private("see"), Attachments: attachment(content),
	})
}

func TestAppsView(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		w.bringApp(ann)
		room, other := w.start(0, ann, bob), w.start(0, ann)
		w.appComesOrGoes(room, ann, true, 0)
		w.appComesOrGoes(room, bob, true, 1) // again
		w.appComesOrGoes(other, ann, true, 2)
		w.appComesOrGoes(other, ann, false, 3)
		w.appComesOrGoes(other, ann, false, 4) // again
		w.share(room, "a", 5)
		w.share(room, "b", 25*time.Hour)
		w.post(room, ann, "not the app's", 6)
		set, _ := w.settled()

		app, err := set.Apps.Get(t.Context(), gifApp)
		if err != nil || app.Installs != 1 || !app.Published || app.Name != gifCard.Name {
			t.Errorf("the app is %+v, %v", app, err)
		}
		in, err := set.Apps.In(t.Context(), room)
		if err != nil || len(in) != 1 || in[0].InstalledBy != ann {
			t.Errorf("in the room are %+v, %v", in, err)
		}
		usage, err := set.Apps.Usage(t.Context(), gifApp, morning, morning.Add(48*time.Hour))
		want := []projections.AppPoint{
			{Day: "2026-03-02", Installs: 1, Added: 2, Removed: 1, Conversations: 1, Messages: 1, Attachments: 1},
			{Day: "2026-03-03", Installs: 1, Conversations: 1, Messages: 1, Attachments: 1},
		}
		if diff := cmp.Diff(want, usage.Points); diff != "" || err != nil {
			t.Errorf("%v\n%s", err, diff)
		}
	})
}

func TestWhoSeesAFile(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		room := w.start(0, ann, bob)
		set, _ := w.run()
		file := attachment("a")[0].Media
		for _, step := range []struct {
			what string
			do   func()
			want map[uuid.UUID]bool
		}{
			{"nothing sent", func() {}, nil},
			{"sent", func() { w.attach(room, ann, "a", 0) }, map[uuid.UUID]bool{ann: true, bob: true}},
			{"somebody left, another came", func() { w.leave(room, bob, bob, 1); w.join(room, cyd, ann, 2) }, map[uuid.UUID]bool{ann: true, cyd: true}},
			{"an app came later", func() { w.appComesOrGoes(room, ann, true, 3) }, map[uuid.UUID]bool{ann: true, cyd: true}},
			{"sent again", func() { w.share(room, "a", 4) }, map[uuid.UUID]bool{ann: true, cyd: true, gifApp: true}},
			{"the first retracted", func() { w.retract(room, ann, 0, 5) }, map[uuid.UUID]bool{ann: true, cyd: true, gifApp: true}},
			{"the app gone", func() { w.appComesOrGoes(room, ann, false, 6) }, map[uuid.UUID]bool{ann: true, cyd: true}},
			{"sent to a merchant", func() {
				shop := newID()
				talk := events.BusinessID(shop, ann)
				w.append(events.MerchantStream(shop), by(ann, 7), &events.AgentAdded{Merchant: shop, User: bob})
				w.append(events.ConversationStream(talk), by(ann, 7), &events.ConversationStarted{
					Conversation: talk, Kind: events.Business, Starter: cyd, Participants: []uuid.UUID{cyd}, Merchant: shop,
				})
				w.attach(talk, cyd, "a", 8)
			}, map[uuid.UUID]bool{ann: true, bob: true, cyd: true}},
			{"both retracted", func() { w.retract(room, ann, 1, 9) }, map[uuid.UUID]bool{bob: true, cyd: true}},
		} {
			step.do()
			w.catchUp(set)
			for _, viewer := range []uuid.UUID{ann, bob, cyd, gifApp} {
				seen, err := set.Media.Seen(t.Context(), file, viewer)
				if err != nil || seen != step.want[viewer] {
					t.Errorf("%s: %s sees it: %t, %v", step.what, viewer, seen, err)
				}
			}
		}
	})
}
