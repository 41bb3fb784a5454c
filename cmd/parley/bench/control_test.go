package bench

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"
)

func TestAppenderKeepsEveryRecordOnce(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	path := filepath.Join(t.TempDir(), "log")
	log, closed, err := newAppender(ctx, path, 8)
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	var group errgroup.Group
	for writer := range 8 {
		for i := range 20 {
			want = append(want, fmt.Sprintf("%d-%02d\n", writer, i))
		}
		group.Go(func() error {
			for i := range 20 {
				if err := log.append(ctx, fmt.Appendf(nil, "%d-%02d\n", writer, i)); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	stop()
	if err := <-closed; err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for line := range bytes.Lines(content) {
		got = append(got, string(line))
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("the file has %d records, %d were acknowledged", len(got), len(want))
	}
	if err := log.append(ctx, []byte("late")); err == nil {
		t.Error("a closed file took a record")
	}
}

func TestAppendHandlerStoresRecordsOfTheSizeAskedFor(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	path := filepath.Join(t.TempDir(), "log")
	log, _, err := newAppender(ctx, path, 1)
	if err != nil {
		t.Fatal(err)
	}
	answer := &sample{status: 201, header: http.Header{"Parley-Position": {"3"}}, body: []byte(`{"number":0}`)}
	handler := appendHandler(log, 600, answer)
	for range 3 {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/", bytes.NewReader([]byte("hello"))))
		if w.Code != 201 || w.Body.String() != `{"number":0}` || w.Header().Get("Parley-Position") != "3" {
			t.Fatalf("answered %d %v %s", w.Code, w.Header(), w.Body)
		}
	}
	content, err := os.ReadFile(path)
	if err != nil || len(content) != 3*600 || !bytes.HasPrefix(content[600:], []byte("hello")) {
		t.Errorf("%d bytes, %v", len(content), err)
	}
}

func TestSampleIsSentAsItWasReceived(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Etag", `"7"`)
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"messages":[]}`))
	}))
	defer server.Close()
	first, err := dialled(t, server.Listener.Addr().String()).exchange(get)
	if err != nil {
		t.Fatal(err)
	}
	control := httptest.NewServer(sampleHandler(map[string]*sample{"/there": sampleOf(first)}))
	defer control.Close()
	second, err := dialled(t, control.Listener.Addr().String()).exchange(get)
	if err != nil {
		t.Fatal(err)
	}
	if second.status != first.status || !bytes.Equal(second.body, first.body) || len(second.header) != len(first.header) {
		t.Errorf("received\n%s%s\nsent\n%s%s", first.header, first.body, second.header, second.body)
	}
}

func TestSendersNumberTheirTexts(t *testing.T) {
	town := &town{people: []person{{rooms: []int{0}}, {rooms: []int{0}}}, rooms: []uuid.UUID{{1}}}
	s := newSender(1, town, "parley")
	for want := range 3 * texts {
		body := s.next()
		_, text, _ := bytes.Cut(body, []byte(`{"text":"`))
		by, number, err := parseMark(string(text))
		if err != nil || by != 1 || number != want {
			t.Fatalf("message %d says %q: %v", want, text, err)
		}
		if err := s.check(response{status: 201, body: fmt.Appendf(nil, `{"text":"x","number":%d}`, want+5)}); err != nil {
			t.Fatal(err)
		}
	}
	if last := s.acknowledged[3*texts-1]; last != (placeOf{0, 3*texts + 4}) {
		t.Errorf("the last message is at %v", last)
	}
	if err := s.check(response{status: 503, body: []byte("down")}); err == nil {
		t.Error("a refusal passed for an acknowledgement")
	}
	if err := s.check(response{status: 201, body: []byte(`{}`)}); err == nil {
		t.Error("an answer without a number passed for an acknowledgement")
	}
}
