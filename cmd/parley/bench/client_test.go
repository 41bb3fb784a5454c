package bench

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// get is a request that every test server understands.
var get = []byte("GET /there HTTP/1.1\r\nHost: parley\r\n\r\n")

func dialled(t *testing.T, address string) *conn {
	t.Helper()
	c, err := dial(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func TestExchangeUnderstandsTheStandardServer(t *testing.T) {
	large := strings.Repeat("a page of many bytes; ", 1<<14)
	answers := []struct {
		status int
		body   string
	}{{200, "short"}, {201, ""}, {404, "nothing here"}, {200, large}, {204, ""}, {200, "short again"}}
	turn := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a := answers[turn]
		turn++
		w.Header().Set("Parley-Position", "17")
		if a.status != 204 {
			w.Header().Set("Content-Length", strconv.Itoa(len(a.body)))
		}
		w.WriteHeader(a.status)
		_, _ = w.Write([]byte(a.body))
	}))
	defer server.Close()

	c := dialled(t, server.Listener.Addr().String())
	for i, want := range answers {
		got, err := c.exchange(get)
		if err != nil {
			t.Fatalf("answer %d: %v", i, err)
		}
		if got.status != want.status || string(got.body) != want.body {
			t.Errorf("answer %d: status %d with %d bytes, want %d with %d", i, got.status, len(got.body), want.status, len(want.body))
		}
		if position, found := headerValue(got.header, "parley-position"); !found || string(position) != "17" {
			t.Errorf("answer %d: Parley-Position %q in header %q", i, position, got.header)
		}
	}
}

func TestExchangeReadsChunks(t *testing.T) {
	chunks := []string{"in", strings.Repeat("many ", 5000), "chunks"}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, chunk := range chunks {
			_, _ = w.Write([]byte(chunk))
			w.(http.Flusher).Flush()
		}
	}))
	defer server.Close()
	c := dialled(t, server.Listener.Addr().String())
	for range 2 {
		got, err := c.exchange(get)
		if err != nil || got.status != 200 || string(got.body) != strings.Join(chunks, "") {
			t.Fatalf("status %d with %d bytes, %v", got.status, len(got.body), err)
		}
	}
}

func TestExchangeRefusesAnswersWithoutALength(t *testing.T) {
	c := pipe("HTTP/1.1 200 OK\r\n\r\n")
	defer c.Close()
	if _, err := c.exchange(nil); !errors.Is(err, errNoLength) {
		t.Errorf("%v, want %v", err, errNoLength)
	}
}

// pipe is a connection whose other end sends the pieces given and closes.
func pipe(pieces ...string) *conn {
	near, far := net.Pipe()
	go func() {
		defer far.Close()
		request := make([]byte, len(get))
		if _, err := far.Read(request); err != nil {
			return
		}
		for _, piece := range pieces {
			if _, err := far.Write([]byte(piece)); err != nil {
				return
			}
		}
	}()
	return &conn{Conn: near, buffer: make([]byte, 16), forget: func() bool { return true }}
}

func TestExchangeReadsAnswersInAnyPieces(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		body := rapid.StringN(0, 200, 400).Draw(t, "body")
		rest := "HTTP/1.1 201 Created\r\nX: y\r\ncontent-length:  " + strconv.Itoa(len(body)) + " \r\n\r\n" + body
		var pieces []string
		for rest != "" {
			cut := rapid.IntRange(1, len(rest)).Draw(t, "cut")
			pieces, rest = append(pieces, rest[:cut]), rest[cut:]
		}
		c := pipe(pieces...)
		defer c.Close()
		answer, err := c.exchange(get)
		if err != nil || answer.status != 201 || string(answer.body) != body {
			t.Fatalf("status %d, body %q, %v", answer.status, answer.body, err)
		}
		if x, _ := headerValue(answer.header, "X"); string(x) != "y" {
			t.Fatalf("header %q", answer.header)
		}
	})
}

func TestExchangeRefusesWhatIsNoAnswer(t *testing.T) {
	for name, bytes := range map[string]string{
		"nothing":         "",
		"noise":           "SSH-2.0-OpenSSH_9.7\r\n\r\n",
		"no status":       "HTTP/1.1 abc\r\n\r\n",
		"half a header":   "HTTP/1.1 200 OK\r\nContent-Le",
		"half a body":     "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
		"more than said":  "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nmore",
		"negative length": "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
		"absurd length":   "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n",
		"endless header":  "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", maxResponse),
	} {
		t.Run(name, func(t *testing.T) {
			c := pipe(bytes)
			defer c.Close()
			if answer, err := c.exchange(get); err == nil {
				t.Errorf("taken as status %d, body %q", answer.status, answer.body)
			}
		})
	}
}

func TestExchangeEndsWithItsContext(t *testing.T) {
	asked := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(asked)
		<-r.Context().Done()
	}))
	defer server.Close()
	ctx, cancel := context.WithCancel(t.Context())
	c, err := dial(ctx, server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	go func() {
		<-asked
		cancel()
	}()
	if _, err := c.exchange(get); err == nil {
		t.Error("an answer that never came")
	}
}

func TestDriveStopsAfterTheRequestsAskedFor(t *testing.T) {
	server := httptest.NewServer(sampleHandler(map[string]*sample{"/there": {status: 200, body: []byte("here"), header: http.Header{"Content-Length": {"4"}}}}))
	defer server.Close()
	clients := []client{new(counting), new(counting), new(counting)}
	r, err := drive(t.Context(), server.Listener.Addr().String(), clients, bound{requests: 100})
	if err != nil {
		t.Fatal(err)
	}
	total := 0
	for _, c := range clients {
		total += c.(*counting).answers
	}
	if r.requests != 100 || total != 100 || len(r.latencies) != 100 || r.percentile(99) <= 0 || r.percentile(50) > r.elapsed {
		t.Errorf("%d requests counted, %d answers judged, p99 %s of %s", r.requests, total, r.percentile(99), r.elapsed)
	}
}

func TestDriveEndsWithTheFirstWrongAnswer(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	clients := []client{new(counting), new(counting)}
	_, err := drive(t.Context(), server.Listener.Addr().String(), clients, bound{duration: time.Hour})
	if !errors.Is(err, errWrong) {
		t.Errorf("%v, want %v", err, errWrong)
	}
}

// counting is a client that wants status 200.
type counting struct{ answers int }

var errWrong = errors.New("a wrong answer")

func (c *counting) next() []byte { return get }

func (c *counting) check(r response) error {
	c.answers++
	if r.status != 200 || !bytes.Equal(r.body, []byte("here")) {
		return errWrong
	}
	return nil
}
