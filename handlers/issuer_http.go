package handlers

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

// An answer of an issuer serves for recentFor, so that tokens with keys that
// nobody knows do not become requests to the issuer; and it has at most
// largestAnswer bytes.
const (
	recentFor     = 5 * time.Second
	largestAnswer = 1 << 20
)

// issuerTransport asks an issuer for its documents, and remembers how that
// went last.
type issuerTransport struct {
	next http.RoundTripper
	now  func() time.Time

	mu     sync.Mutex
	recent map[string]issuerAnswer // by URL, of which there are two; guarded by mu
	away   error                   // why it did not answer last; guarded by mu
}

type issuerAnswer struct {
	at   time.Time
	body []byte
}

// RoundTrip implements http.RoundTripper.
func (t *issuerTransport) RoundTrip(request *http.Request) (*http.Response, error) {
	url := request.URL.String()
	t.mu.Lock()
	known, ok := t.recent[url]
	t.mu.Unlock()
	if !ok || t.now().Sub(known.at) >= recentFor {
		body, err := t.ask(request)
		t.mu.Lock()
		if t.away = err; err == nil {
			known = issuerAnswer{t.now(), body}
			t.recent[url] = known
		}
		t.mu.Unlock()
		if err != nil {
			return nil, err
		}
	}
	return &http.Response{
		Status: "200 OK", StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header:  http.Header{"Content-Type": {"application/json"}},
		Body:    io.NopCloser(bytes.NewReader(known.body)),
		Request: request,
	}, nil
}

func (t *issuerTransport) ask(request *http.Request) ([]byte, error) {
	response, err := t.next.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answered with status %d", request.URL, response.StatusCode)
	}
	return io.ReadAll(io.LimitReader(response.Body, largestAnswer))
}

// outage is why the issuer could not be asked last, or nil.
func (t *issuerTransport) outage() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.away
}
