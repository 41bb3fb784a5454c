package handlers_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"parley/events"
	"parley/handlers/handlertest"
	"parley/projections"
)

// bring uploads a file and is its digest.
func bring(c *handlertest.Client, content string) string {
	var up upload
	c.Post("/v1/media", content).Want(http.StatusCreated).Into(&up)
	return up.Media.String()
}

func TestAttachments(t *testing.T) {
	c := openChat(t)
	film, text := bring(c.ada, animation(t)), bring(c.ada, "some text")
	var sent projections.Message
	answer := c.ada.Post(c.path, `{"attachments":[{"media":"`+film+`","name":"horse.gif"},{"media":"`+text+`"}]}`).Want(201).Into(&sent)
	var page projections.Page
	c.bob.Get(c.path, "Parley-Position", answer.Position()).Want(200).Into(&page)
	if diff := cmp.Diff(page.Messages[0], sent); diff != "" {
		t.Errorf("sent is not what is shown: %s", diff)
	}
	width, height, frames := 300, 200, 3
	want := []projections.Attachment{
		{
			Type: events.AnimationMedia, Media: sent.Attachments[0].Media, URL: "/v1/media/" + film, ContentType: "image/gif", Size: int64(len(animation(t))),
			Width: &width, Height: &height, Frames: &frames, Name: "horse.gif",
		},
		{Type: events.FileMedia, Media: sent.Attachments[1].Media, URL: "/v1/media/" + text, ContentType: "application/octet-stream", Size: 9},
	}
	if diff := cmp.Diff(want, sent.Attachments); diff != "" || sent.Text != "" {
		t.Errorf("%s", diff)
	}
	if string(c.bob.Get(want[1].URL, "Parley-Position", answer.Position()).Want(200).Body) != "some text" {
		t.Error("bob reads another file")
	}
	c.Person("eve").Get(want[0].URL).Refused(404, "")
}

func TestBadAttachments(t *testing.T) {
	c := openChat(t)
	mine, his := bring(c.ada, "mine"), bring(c.bob, "his")
	before := count(t, c.House)
	for body, field := range map[string]string{
		`{}`:                              "body.text",
		`{"attachments":[]}`:              "body.text",
		`{"attachments":[{}]}`:            "body.attachments",
		`{"attachments":[{"media":"x"}]}`: "body.attachments",
		`{"attachments":[{"media":"` + his + `"}]}`:                                                     "body.attachments",
		`{"attachments":[{"media":"` + strings.Repeat("ab", 32) + `"}]}`:                                "body.attachments",
		`{"attachments":[{"media":"` + mine + `","name":"../passwd"}]}`:                                 "body.attachments.name",
		`{"attachments":[{"media":"` + mine + `","name":"a\u0000b"}]}`:                                  "body.attachments.name",
		`{"attachments":[` + strings.Repeat(`{"media":"`+mine+`"},`, 10) + `{"media":"` + mine + `"}]}`: "body.attachments",
	} {
		c.ada.Post(c.path, body).Refused(422, field)
	}
	if written := count(t, c.House) - before; written > 0 {
		t.Errorf("%d events were written", written)
	}
}

// TestFilesAreSentAgainByWhoSeesThem also holds that a retraction ends that.
func TestFilesAreSentAgainByWhoSeesThem(t *testing.T) {
	c := openChat(t)
	eve := c.Person("eve")
	other := c.bob.Start("group", eve)
	film := bring(c.ada, animation(t))
	attach := `{"attachments":[{"media":"` + film + `"}]}`
	c.bob.Post(c.path, attach).Refused(422, "body.attachments")
	sent := c.ada.Post(c.path, attach).Want(201)
	c.bob.Get("/v1/media/"+film, "Parley-Position", sent.Position()).Want(200)
	c.Clock.Advance(48 * time.Hour) // the upload alone would be too old
	forwarded := c.bob.Post(c.path+"/0/forward", `{"to":"`+other.String()+`"}`).Want(201)
	eve.Get("/v1/media/"+film, "Parley-Position", forwarded.Position()).Want(200)
	again := c.bob.Post(c.path, attach).Want(201)
	c.ada.Get(c.path, "Parley-Position", again.Position()).Want(200)

	sweep := func(want int) {
		t.Helper()
		if swept, err := c.Server.SweepMedia(t.Context()); err != nil || swept != want {
			t.Errorf("swept %d, %v; want %d", swept, err, want)
		}
	}
	sweep(0)
	elsewhere := "/v1/conversations/" + other.String() + "/messages/0"
	for client, path := range map[*handlertest.Client]string{c.ada: c.path + "/0", c.bob: c.path + "/1"} {
		client.Do("DELETE", path, nil).Want(204)
	}
	gone := c.bob.Do("DELETE", elsewhere, nil).Want(204)
	eve.Get("/v1/media/"+film, "Parley-Position", gone.Position()).Refused(404, "")
	c.Clock.Advance(24 * time.Hour)
	sweep(0)
	c.Clock.Advance(2 * time.Hour)
	sweep(1)
	c.ada.Get("/v1/media/"+film).Refused(404, "")
}

func TestAnIconIsKeptWhileAnAppHasIt(t *testing.T) {
	c := openChat(t)
	app := bringApp(c.House, c.ada)
	path := "/v1/apps/" + app.App.ID.String()
	c.Clock.Advance(48 * time.Hour)
	if swept, err := c.Server.SweepMedia(t.Context()); err != nil || swept != 0 {
		t.Errorf("swept %d, %v", swept, err)
	}
	c.Nobody().Get(*app.App.Icon).Want(200)
	c.ada.Do("PATCH", path, `{"description":"The same icon."}`).Want(200)
	c.ada.Do("PATCH", path, `{"icon":""}`).Want(200)
	c.Nobody().Get(*app.App.Icon).Refused(404, "")
	c.Clock.Advance(26 * time.Hour)
	if swept, err := c.Server.SweepMedia(t.Context()); err != nil || swept != 1 {
		t.Errorf("swept %d, %v", swept, err)
	}
}

func TestWhatAnAppSharesShowsTheApp(t *testing.T) {
	c := openChat(t)
	app := bringApp(c.House, c.ada)
	install(c.bob, c.room, app).Want(204)
	speaker := c.With(app.Token)
	film := bring(speaker, animation(t))
	var shared, said projections.Message
	speaker.Post("/v1/conversations/"+c.room.String()+"/attachments", `{"attachments":[{"media":"`+film+`"}]}`).Want(201).Into(&shared)
	answer := speaker.Post(c.path, `{"text":"Look!","replyTo":0}`).Want(201).Into(&said)
	var page projections.Page
	c.ada.Get(c.path, "Parley-Position", answer.Position()).Want(200).Into(&page)
	if diff := cmp.Diff([]projections.Message{said, shared}, page.Messages); diff != "" {
		t.Error(diff)
	}
	for _, m := range page.Messages {
		if diff := cmp.Diff(&app.App.AppCard, m.App); diff != "" || m.Author != app.App.ID {
			t.Errorf("author %s, app %s", m.Author, diff)
		}
	}
	c.ada.Get("/v1/media/" + film).Want(200)
	c.ada.Do("PATCH", "/v1/apps/"+app.App.ID.String(), `{"name":"Renamed"}`).Want(200)
	c.ada.Get(c.path).Want(200).Into(&page)
	if page.Messages[0].App.Name != "Moving Pictures" {
		t.Errorf("what was said before is shown under %q", page.Messages[0].App.Name)
	}
	// People react to it and answer it as to anything else.
	c.ada.Do("PUT", c.path+"/0/reactions/%F0%9F%91%8D", nil).Want(204)
	c.bob.Post(c.path, `{"text":"Nice","replyTo":0}`).Want(201)
}

func TestNothingIsSweptByAViewThatHasStopped(t *testing.T) {
	c := openChat(t)
	film := bring(c.ada, "some text")
	poison := events.Proposed{ID: uuid.New(), Type: "MediaSwept", Data: []byte(`{"media":7}`), Metadata: []byte(`{}`)}
	if _, err := c.Node.Append(t.Context(), "media-poison", events.Any, poison); err != nil {
		t.Fatal(err)
	}
	c.Clock.Advance(48 * time.Hour)
	if swept, err := c.Server.SweepMedia(t.Context()); !errors.Is(err, projections.ErrStopped) || swept != 0 {
		t.Errorf("swept %d, %v", swept, err)
	}
	c.ada.Get("/v1/media/" + film).Want(200)
}
