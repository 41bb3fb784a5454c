package bench

import (
	"bytes"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
)

// relayed is how many events wait for a listener of the control before the
// sender does.
const relayed = 64

// relay is the control of live delivery: it passes each body to all who listen
// to its path, as an event of server-sent events.
type relay struct {
	mu    sync.Mutex
	rooms map[string]map[chan []byte]struct{} // guarded by mu
}

// ServeHTTP implements http.Handler.
func (b *relay) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if room, listens := strings.CutSuffix(r.URL.Path, "/stream"); listens {
		b.listen(w, r, room)
		return
	}
	var body bytes.Buffer
	_, err := body.ReadFrom(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	event := slices.Concat([]byte("id: 1\nevent: message\ndata: "), body.Bytes(), []byte("\n\n"))
	b.mu.Lock()
	for listener := range b.rooms[strings.TrimSuffix(r.URL.Path, "/messages")] {
		listener <- event
	}
	b.mu.Unlock()
	w.Header().Set("Content-Length", "0")
	w.WriteHeader(http.StatusCreated)
}

func (b *relay) listen(w http.ResponseWriter, r *http.Request, room string) {
	events := make(chan []byte, relayed)
	b.mu.Lock()
	if b.rooms[room] == nil {
		b.rooms[room] = make(map[chan []byte]struct{})
	}
	b.rooms[room][events] = struct{}{}
	b.mu.Unlock()
	defer func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.rooms[room], events)
	}()
	connection := http.NewResponseController(w)
	event := []byte("retry: 1\nid: 0\n\n")
	for {
		_, err := w.Write(event)
		if err = errors.Join(err, connection.Flush()); err != nil {
			return
		}
		select {
		case event = <-events:
		case <-r.Context().Done():
			return
		}
	}
}
