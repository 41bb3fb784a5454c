package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"time"

	"github.com/google/uuid"

	"parley/events"
	"parley/events/commands"
	"parley/handlers/messenger"
)

// inventor owns the story's app.
const inventor = "ravi"

// shareClips has an app bring a picture, an animation and a sound into the
// story's last conversation: by the Messenger Platform's API of the server that
// is about to be shown, as the app of anybody else would.
func shareClips(ctx context.Context, h *house, address string, story told) error {
	room := story.rooms[len(story.rooms)-1]
	made, err := inventApp(ctx, h, room, story.people[inventor])
	if err != nil {
		return err
	}
	animation, err := bouncingBall()
	if err != nil {
		return err
	}
	still, err := ballStill()
	if err != nil {
		return err
	}
	bot := &storyBot{address: address, token: made.Token, room: room}
	defer bot.client().CloseIdleConnections()
	for _, clip := range []struct {
		kind, name, mediaType string
		content               []byte
	}{
		{"image", "ball.png", "image/png", still},
		{"image", "ball.gif", "image/gif", animation},
		{"audio", "chime.wav", "audio/wav", chime()},
	} {
		if err := bot.share(ctx, clip.kind, clip.name, clip.mediaType, clip.content); err != nil {
			return fmt.Errorf("sharing %s: %w", clip.name, err)
		}
	}
	return nil
}

// inventApp registers and publishes the app and installs it, unless that was
// done before. The credentials are the same each time.
func inventApp(ctx context.Context, h *house, room, owner uuid.UUID) (made commands.Credentials, err error) {
	cause := func(step string) events.Cause {
		return events.Cause{Actor: owner.String(), OccurredAt: opening.Add(time.Minute), IdempotencyKey: "story app " + step}
	}
	icon, err := ballStill()
	if err != nil {
		return made, err
	}
	file, _, err := h.library.Upload(ctx, cause("icon"), owner, day, bytes.NewReader(icon))
	if err != nil {
		return made, err
	}
	registered, made, err := h.commands.RegisterApp(ctx, cause("register"), owner, events.AppListing{
		Name: "Bouncing Clips", Description: "Balls that bounce and bells that ring.", Icon: &file.Media,
		Grants: []events.Grant{events.WriteMessages, events.WriteAttachments},
	})
	if err != nil {
		return made, err
	}
	app := registered[0].Fact.(*events.AppRegistered).App
	if _, err := h.commands.PublishApp(ctx, cause("publish"), app, owner); err != nil {
		return made, err
	}
	// What it may see depends on what was said, so a repeat is not told by a key:
	// an app that is there already is not installed again.
	install := cause("")
	install.IdempotencyKey = ""
	_, err = h.commands.InstallApp(ctx, install, room, app, owner, nil)
	return made, err
}

// storyBot speaks the Messenger Platform's API.
type storyBot struct {
	address string
	token   string
	room    uuid.UUID
	http    *http.Client
}

// client accepts whatever certificate the server has, which is this process.
func (b *storyBot) client() *http.Client {
	if b.http == nil {
		b.http = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	}
	return b.http
}

// share sends a file into the room. Telling the story again sends nothing.
func (b *storyBot) share(ctx context.Context, kind, name, mediaType string, content []byte) error {
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	person := messenger.PSID(commands.Page{}, messenger.Person{Conversation: b.room})
	for field, value := range map[string]string{
		"recipient":      `{"id":"` + person + `"}`,
		"message":        `{"attachment":{"type":"` + kind + `","payload":{}}}`,
		"messaging_type": "MESSAGE_TAG",
		"tag":            "CONFIRMED_EVENT_UPDATE",
	} {
		if err := form.WriteField(field, value); err != nil {
			return err
		}
	}
	header := textproto.MIMEHeader{
		"Content-Disposition": {`form-data; name="filedata"; filename="` + name + `"`},
		"Content-Type":        {mediaType},
	}
	part, err := form.CreatePart(header)
	if err != nil {
		return err
	}
	if _, err := part.Write(content); err != nil {
		return err
	}
	if err := form.Close(); err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, b.address+"/me/messages", &body)
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+b.token)
	request.Header.Set("Content-Type", form.FormDataContentType())
	request.Header.Set("Idempotency-Key", "story-"+name)
	response, err := b.client().Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, 64<<10))
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("status %d: %s", response.StatusCode, answer)
	}
	return err
}
