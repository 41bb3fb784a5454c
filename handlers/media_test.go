package handlers_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"image"
	"image/color"
	"image/gif"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"parley/events/media"
	"parley/handlers/handlertest"
	"parley/projections"
)

// animation is a GIF of three frames, larger than one buffer.
func animation(t testing.TB) string {
	t.Helper()
	var film gif.GIF
	for i := range 3 {
		frame := image.NewPaletted(image.Rect(0, 0, 300, 200), color.Palette{color.Black, color.White})
		for p := range frame.Pix {
			frame.Pix[p] = uint8((p*p + i) >> 3 & 1)
		}
		film.Image, film.Delay = append(film.Image, frame), append(film.Delay, 10)
	}
	var out bytes.Buffer
	if err := gif.EncodeAll(&out, &film); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

type upload struct {
	projections.Attachment
	KeptUntil time.Time
}

func TestUploadAndRead(t *testing.T) {
	h := handlertest.Open(t)
	ada := h.Person("ada")
	content := animation(t)
	var up upload
	answer := ada.Post("/v1/media", content, "Content-Type", "text/html").Want(201).Into(&up)
	sum := sha256.Sum256([]byte(content))
	digest := hex.EncodeToString(sum[:])
	if up.Media.String() != digest || up.Type != "animation" || up.ContentType != "image/gif" ||
		up.Size != int64(len(content)) || *up.Width != 300 || *up.Height != 200 || *up.Frames != 3 ||
		up.URL != "/v1/media/"+digest || !up.KeptUntil.Equal(handlertest.Began.Add(24*time.Hour)) {
		t.Errorf("uploaded as %s", answer.Body)
	}
	again := ada.Post("/v1/media", content).Want(201)
	if string(again.Body) != string(answer.Body) || again.Position() != answer.Position() {
		t.Errorf("uploaded again as %s", again.Body)
	}

	read := ada.Get(up.URL).Want(200)
	if string(read.Body) != content {
		t.Errorf("read %d bytes of %d, or others", len(read.Body), len(content))
	}
	for name, want := range map[string]string{
		"Content-Type":            "image/gif",
		"Etag":                    `"` + digest + `"`,
		"X-Content-Type-Options":  "nosniff",
		"Content-Security-Policy": "default-src 'none'; sandbox; frame-ancestors 'none'",
		"Content-Disposition":     `inline; filename="` + digest[:12] + `.gif"`,
		"Cache-Control":           "private, max-age=31536000, immutable",
		"Accept-Ranges":           "bytes",
	} {
		if got := read.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	part := ada.Get(up.URL, "Range", "bytes=100-199").Want(206)
	if string(part.Body) != content[100:200] {
		t.Errorf("a range gives %q", part.Body)
	}
	if tail := ada.Get(up.URL, "Range", "bytes=-7").Want(206); string(tail.Body) != content[len(content)-7:] {
		t.Errorf("the tail is %q", tail.Body)
	}
	ada.Get(up.URL, "Range", "bytes=99999999-").Refused(416, "range")
	ada.Get(up.URL, "If-Match", `"another"`).Refused(412, "If-Match")
	ada.Get(up.URL, "If-None-Match", `"`+digest+`"`).Want(304)
	if head := ada.Do("HEAD", up.URL, nil).Want(200); len(head.Body) > 0 || head.Header.Get("Content-Length") == "" {
		t.Errorf("HEAD answers %d bytes, %v", len(head.Body), head.Header)
	}
}

func TestOnlyTheUploaderReadsWhatNobodySent(t *testing.T) {
	h := handlertest.Open(t)
	ada, eve := h.Person("ada"), h.Person("eve")
	var up upload
	ada.Post("/v1/media", animation(t)).Want(201).Into(&up)
	eve.Get(up.URL).Refused(404, "no such file")
	h.Nobody().Get(up.URL).Refused(401, "")
	eve.Get("/v1/media/"+strings.Repeat("0", 64)).Refused(404, "no such file")
	eve.Get("/v1/media/..%2f..%2ftokens.key").Refused(422, "path.digest")
	eve.Post("/v1/media/links", map[string]any{"media": []string{up.Media.String()}}).Refused(404, "")
	// Whoever has the bytes can bring them, and then read them.
	eve.Post("/v1/media", animation(t)).Want(201)
	eve.Get(up.URL).Want(200)
}

func TestLinks(t *testing.T) {
	h := handlertest.Open(t)
	ada := h.Person("ada")
	var up, other upload
	ada.Post("/v1/media", animation(t)).Want(201).Into(&up)
	ada.Post("/v1/media", "only text").Want(201).Into(&other)
	var made struct {
		Links []struct {
			URL       string
			ExpiresAt time.Time
		}
	}
	body := map[string]any{"media": []string{up.Media.String()}, "ttl": 60}
	ada.Post("/v1/media/links", body).Want(200).Into(&made)
	url := made.Links[0].URL
	nobody := h.Nobody()
	const shownBy = "Cross-Origin-Resource-Policy"
	if byLink, byToken := nobody.Get(url).Want(200), ada.Get(up.URL).Want(200); byLink.Header.Get(shownBy) != "cross-origin" || byToken.Header.Get(shownBy) != "same-origin" {
		t.Errorf("pages of other origins: by link %q, by token %q", byLink.Header.Get(shownBy), byToken.Header.Get(shownBy))
	}
	nobody.Get(url, "Range", "bytes=0-5").Want(206)
	nobody.Get(strings.Replace(url, up.Media.String(), other.Media.String(), 1)).Refused(403, "link")
	nobody.Get(strings.Replace(url, "expires=", "expires=9", 1)).Refused(403, "link")
	nobody.Get(url[:len(url)-1]).Refused(403, "link")
	h.Clock.Advance(time.Minute)
	nobody.Get(url).Refused(403, "expired")
	ada.Post("/v1/media/links", `{"media":["xyz"]}`).Refused(422, "body.media.0")
	ada.Post("/v1/media/links", `{"media":[]}`).Refused(422, "body.media")
	ada.Post("/v1/media/links", `{"media":["`+up.Media.String()+`"],"ttl":604801}`).Refused(422, "body.ttl")
}

func TestWhatIsNotShownIsADownload(t *testing.T) {
	h := handlertest.Open(t)
	ada := h.Person("ada")
	for name, content := range map[string]string{
		"page":    "<!doctype html><script>alert(1)</script>",
		"drawing": `<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`,
		"program": "\x7fELF\x02\x01\x01",
	} {
		var up upload
		ada.Post("/v1/media", content, "Content-Type", "image/gif").Want(201).Into(&up)
		read := ada.Get(up.URL).Want(200)
		if up.Type != "file" || up.Width != nil || read.Header.Get("Content-Type") != "application/octet-stream" ||
			!strings.HasPrefix(read.Header.Get("Content-Disposition"), "attachment;") {
			t.Errorf("a %s is %+v, served as %v", name, up, read.Header)
		}
	}
}

func TestBadUploadsStoreNothing(t *testing.T) {
	h := handlertest.Open(t)
	ada := h.Person("ada")
	before := count(t, h)
	content := animation(t)
	ada.Post("/v1/media", "").Refused(422, "empty")
	ada.Post("/v1/media", content[:len(content)-5]).Refused(422, "breaks off")
	ada.Post("/v1/media", "GIF89a\x47\x1a\x47\xff\x00\x00\x00").Refused(422, "6727 by 65351")
	ada.Post("/v1/media", strings.Repeat("x", media.MaxBytes+1)).Refused(413, "25 MB")
	// The length is not said beforehand.
	endless := httptest.NewRequest("POST", "/v1/media", io.MultiReader(strings.NewReader(strings.Repeat("x", media.MaxBytes+1))))
	endless.Header.Set("Authorization", "Bearer "+ada.Token)
	answer := httptest.NewRecorder()
	h.Server.ServeHTTP(answer, endless)
	if answer.Code != 413 {
		t.Errorf("an endless body: %d %s", answer.Code, answer.Body)
	}
	broken := httptest.NewRequest("POST", "/v1/media", io.MultiReader(strings.NewReader(content[:100]), failing{}))
	broken.Header.Set("Authorization", "Bearer "+ada.Token)
	answer = httptest.NewRecorder()
	h.Server.ServeHTTP(answer, broken)
	if answer.Code != http.StatusBadRequest {
		t.Errorf("a body that breaks off: %d %s", answer.Code, answer.Body)
	}
	if written := count(t, h) - before; written > 0 {
		t.Errorf("%d events were written", written)
	}
	if left := files(t, h); len(left) > 0 {
		t.Errorf("left in the store: %v", left)
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errors.New("the line is cut") }

// files are all that the media store of a house holds.
func files(t *testing.T, h *handlertest.House) (paths []string) {
	t.Helper()
	err := filepath.WalkDir(filepath.Join(h.Dir, "media"), func(path string, entry os.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			paths = append(paths, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

func TestWhatNobodySendsIsSwept(t *testing.T) {
	h := handlertest.Open(t)
	ada := h.Person("ada")
	var up upload
	ada.Post("/v1/media", animation(t)).Want(201).Into(&up)
	sweep := func(want int) {
		t.Helper()
		if swept, err := h.Server.SweepMedia(t.Context()); err != nil || swept != want {
			t.Errorf("swept %d, %v; want %d", swept, err, want)
		}
	}
	h.Clock.Advance(24 * time.Hour)
	sweep(0)
	h.Clock.Advance(time.Hour)
	sweep(1)
	ada.Get(up.URL).Refused(404, "no such file")
	if left := files(t, h); len(left) > 0 {
		t.Errorf("left in the store: %v", left)
	}
	sweep(0)
	// It can come back.
	ada.Post("/v1/media", animation(t)).Want(201)
	ada.Get(up.URL).Want(200)
	sweep(0)
}

func TestBytesWithoutAFactAreSwept(t *testing.T) {
	h := handlertest.Open(t)
	ada := h.Person("ada")
	var up upload
	ada.Post("/v1/media", animation(t)).Want(201).Into(&up)
	kept := files(t, h)[0]
	stray := strings.Replace(kept, up.Media.String(), strings.Repeat("ab", 32), 1)
	stray = filepath.Join(h.Dir, "media", "ab", filepath.Base(stray))
	if err := errors.Join(os.MkdirAll(filepath.Dir(stray), 0o700), os.WriteFile(stray, []byte("stray"), 0o600)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		age  time.Duration
		want int
	}{{time.Hour, 0}, {48 * time.Hour, 1}} {
		at := h.Clock.Now().Add(-c.age)
		for _, path := range []string{kept, stray} {
			if err := os.Chtimes(path, at, at); err != nil {
				t.Fatal(err)
			}
		}
		if swept, err := h.Library.SweepStrays(t.Context()); err != nil || swept != c.want {
			t.Errorf("swept %d that are %s old, %v; want %d", swept, c.age, err, c.want)
		}
	}
	ada.Get(up.URL).Want(200)
}

// TestAStoreThatFailsIsNoFaultOfTheServers also holds that uploading a file
// anew mends a store that has lost it.
func TestAStoreThatFailsIsNoFaultOfTheServers(t *testing.T) {
	h := handlertest.Open(t)
	ada := h.Person("ada")
	var up upload
	ada.Post("/v1/media", animation(t)).Want(201).Into(&up)
	folder := filepath.Join(h.Dir, "media")
	if err := os.Rename(folder, folder+".away"); err != nil {
		t.Fatal(err)
	}
	ada.Post("/v1/media", animation(t)).Refused(503, "cannot be stored")
	ada.Get(up.URL).Refused(404, "no such file")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	ada.Post("/v1/media", animation(t)).Want(201)
	ada.Get(up.URL).Want(200)
}
