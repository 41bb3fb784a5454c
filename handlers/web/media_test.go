package web_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"image"
	"image/color/palette"
	"image/gif"
	"net/http"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/google/uuid"

	"parley/handlers/handlertest"
)

// broughtApp is a published app, as its owner and as itself.
type broughtApp struct {
	id   string
	self *handlertest.Client
}

// app registers and publishes an app with an icon.
func (s *stage) app(owner *handlertest.Client, name, description string, grants ...string) broughtApp {
	s.Helper()
	var made struct {
		App struct {
			ID string `json:"id"`
		} `json:"app"`
		Token string `json:"token"`
	}
	owner.Post("/v1/apps", map[string]any{
		"name": name, "description": description, "grants": grants, "icon": bring(owner, film(s)),
	}).Want(http.StatusCreated).Into(&made)
	owner.Post("/v1/apps/"+made.App.ID+"/publish", nil).Want(http.StatusOK)
	return broughtApp{made.App.ID, s.With(made.Token)}
}

// bring uploads a file and is its digest.
func bring(who *handlertest.Client, content string) string {
	var up struct {
		Media string `json:"media"`
	}
	who.Post("/v1/media", content).Want(http.StatusCreated).Into(&up)
	return up.Media
}

// film is a GIF of two frames.
func film(t testing.TB) string {
	t.Helper()
	var frames gif.GIF
	for shade := range uint8(2) {
		frame := image.NewPaletted(image.Rect(0, 0, 40, 30), palette.Plan9)
		for i := range frame.Pix {
			frame.Pix[i] = 200 * shade
		}
		frames.Image, frames.Delay = append(frames.Image, frame), append(frames.Delay, 20)
	}
	var out bytes.Buffer
	if err := gif.EncodeAll(&out, &frames); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// hum is a WAV of a tenth of a second.
func hum() string {
	const rate, samples = 8000, 800
	header := []byte("RIFF\x00\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x08\x00data\x00\x00\x00\x00")
	binary.LittleEndian.PutUint32(header[4:], 36+samples)
	binary.LittleEndian.PutUint32(header[24:], rate)
	binary.LittleEndian.PutUint32(header[28:], rate)
	binary.LittleEndian.PutUint32(header[40:], samples)
	return string(append(header, bytes.Repeat([]byte{0x60, 0xa0}, samples/2)...))
}

func anAppSharesFiles(t *testing.T, s *stage, browser context.Context) {
	fay, gus := s.Person("fay"), s.Person("gus")
	room := fay.Start("group", gus)
	app := s.app(gus, "Moving Pictures", "Finds a picture that moves.", "attachments:write")
	fay.Do(http.MethodPut, installed(room, app), nil).Want(http.StatusNoContent)
	b := s.signIn(t, browser, wide, at(room), fay)
	b.sees(".pane-note", "2 people")
	app.self.Post("/v1/conversations/"+room.String()+"/attachments", map[string]any{"attachments": []map[string]string{
		{"media": bring(app.self, film(t)), "name": "blink.gif"},
		{"media": bring(app.self, hum()), "name": "hum.wav"},
		{"media": bring(app.self, "the score"), "name": "score.txt"},
	}}).Want(http.StatusCreated)

	b.sees(".byline", "Moving Pictures")
	b.sees(".byline .standing", "App")
	b.is("document.querySelector('.gutter .avatar.of-app img')?.naturalWidth === 40")
	b.is("document.querySelector('.moving img').naturalWidth === 40 && document.querySelector('.moving img').checkVisibility()")
	b.click(".moving .motion[aria-label='Hold still: blink.gif']")
	b.is("document.querySelector('.moving.still canvas').checkVisibility() && !document.querySelector('.moving img').checkVisibility()")
	b.is("document.querySelector('audio[controls]').readyState > 0")
	b.sees(".player figcaption", "hum.wav")
	b.sees(".attachment.file", "score.txt9 byte")
	b.is("document.querySelector('.attachment.file').download === 'score.txt' && document.querySelector('.attachment.file').href.includes('signature=')")

	calm := s.open(t, browser, narrow, "/audit")
	calm.do(chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-reduced-motion", Value: "reduce"}},
		})
		return err
	}), chromedp.Navigate(s.url+at(room)+"&token="+gus.Token))
	calm.is("document.querySelector('.moving.still canvas')?.checkVisibility()")
	calm.click(".moving .motion[aria-label='Play: blink.gif']")
	calm.is("document.querySelector('.moving img').checkVisibility() && document.documentElement.scrollWidth === innerWidth")
}

// installed is where an app is put into a conversation.
func installed(conversation uuid.UUID, app broughtApp) string {
	return "/v1/conversations/" + conversation.String() + "/apps/" + app.id
}
