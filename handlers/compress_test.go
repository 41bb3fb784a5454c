package handlers_test

import (
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"parley/handlers/handlertest"
)

// longTalk is a conversation whose pages are worth compressing.
func longTalk(t testing.TB) (ada *handlertest.Client, path string) {
	h := handlertest.Open(t)
	ada = h.Person("ada")
	room := ada.Start("group", h.Person("bob"))
	for i := range 50 {
		ada.Say(room, fmt.Sprintf("Line %d of a long talk about dinner, and where to have it.", i))
	}
	h.CatchUp()
	return ada, "/v1/conversations/" + room.String() + "/messages"
}

// TestAnswersAreCompressedForThoseWhoTakeIt also holds the entity tags: the
// same in both forms, and good for a 304 in either.
func TestAnswersAreCompressedForThoseWhoTakeIt(t *testing.T) {
	ada, path := longTalk(t)
	plain := ada.Get(path, "Accept-Encoding", "identity").Want(http.StatusOK)
	if plain.Header.Get("Content-Encoding") != "" || plain.Header.Get("Vary") != "Accept-Encoding" {
		t.Errorf("the plain answer has %v", plain.Header)
	}
	tag := plain.Header.Get("ETag")
	for encoding, open := range map[string]func(io.Reader) (io.Reader, error){
		"gzip": func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) },
		"zstd": func(r io.Reader) (io.Reader, error) { return zstd.NewReader(r) },
	} {
		packed := ada.Get(path, "Accept-Encoding", encoding).Want(http.StatusOK)
		if packed.Header.Get("Content-Encoding") != encoding || packed.Header.Get("Vary") != "Accept-Encoding" {
			t.Errorf("%s: the answer has %v", encoding, packed.Header)
		}
		reader, err := open(strings.NewReader(string(packed.Body)))
		if err != nil {
			t.Fatal(err)
		}
		if body, err := io.ReadAll(reader); err != nil || string(body) != string(plain.Body) {
			t.Errorf("%s: the answer reads %q, %v", encoding, body, err)
		}
		if len(packed.Body) > len(plain.Body)/3 {
			t.Errorf("%s: %d bytes became %d", encoding, len(plain.Body), len(packed.Body))
		}
		if got := packed.Header.Get("ETag"); got != tag || !strings.HasPrefix(got, "W/") {
			t.Errorf("%s: the tag is %s, and that of the plain answer %s", encoding, got, tag)
		}
		if same := ada.Get(path, "Accept-Encoding", encoding, "If-None-Match", tag).Want(http.StatusNotModified); same.Header.Get("ETag") != tag || same.Header.Get("Content-Encoding") != "" {
			t.Errorf("%s: the 304 has %v", encoding, same.Header)
		}
	}
}

func TestWhatIsSmallOrAFileIsSentAsItIs(t *testing.T) {
	h := handlertest.Open(t)
	ada := h.Person("ada")
	if small := ada.Get("/v1/conversations", "Accept-Encoding", "gzip").Want(http.StatusOK); small.Header.Get("Content-Encoding") != "" {
		t.Errorf("%d bytes are compressed", len(small.Body))
	}
	var file struct{ URL string }
	text := strings.Repeat("all the same ", 1000)
	ada.Post("/v1/media", text).Want(http.StatusCreated).Into(&file)
	h.CatchUp()
	got := ada.Get(file.URL, "Accept-Encoding", "gzip").Want(http.StatusOK)
	if got.Header.Get("Content-Encoding") != "" || strings.HasPrefix(got.Header.Get("ETag"), "W/") {
		t.Errorf("a file comes with %v", got.Header)
	}
	described := h.Nobody().Get("/openapi.json", "Accept-Encoding", "gzip").Want(http.StatusOK)
	if described.Header.Get("Content-Encoding") != "gzip" {
		t.Errorf("the description comes with %v", described.Header)
	}
}

// BenchmarkPageCompressed is what a page costs in each form.
func BenchmarkPageCompressed(b *testing.B) {
	ada, path := longTalk(b)
	for _, encoding := range []string{"identity", "gzip", "zstd"} {
		b.Run(encoding, func(b *testing.B) {
			var size int
			for b.Loop() {
				size = len(ada.Get(path, "Accept-Encoding", encoding).Want(http.StatusOK).Body)
			}
			b.ReportMetric(float64(size), "bytes")
		})
	}
}
