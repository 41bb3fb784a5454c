package bench

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"

	"github.com/google/uuid"

	"parley/events"
	"parley/events/decide"
	"parley/projections"
)

// fileSize is how large the files are that are brought and read, in bytes.
const fileSize = 1 << 20

// Attachments measures how many files an app shares a second by the Messenger
// Platform's API, against a bare handler with a group-committed append, and how
// fast files are uploaded and downloaded, against a bare handler that copies
// the same bytes into files and from one.
func Attachments(ctx context.Context, p Program, o Options) (_ *Report, err error) {
	var open closers
	defer func() { err = errors.Join(err, open.close()) }()
	s, err := newSharing(ctx, p, o, &open)
	if err != nil {
		return nil, err
	}
	var made []Comparison
	shown := o.begin("sharing, uploading and downloading", 3*o.Rounds)
	defer shown.end()
	for _, m := range []struct {
		name, unit string
		client     func(i int, address string) client
	}{
		{"shared by id", "attachments", s.sharer},
		{fmt.Sprintf("uploads of %d KB", fileSize>>10), "files", s.uploader},
		{fmt.Sprintf("downloads of %d KB", fileSize>>10), "files", s.downloader},
	} {
		c := Comparison{Name: m.name, Unit: m.unit, Parley: Side{Name: "parley"}, Control: Side{Name: "bare handler"}}
		if err := s.measure(ctx, &c, m.client, shown); err != nil {
			return nil, fmt.Errorf("%s: %w", m.name, err)
		}
		c.finish()
		made = append(made, c)
	}
	if err := s.verify(ctx); err != nil {
		return nil, err
	}
	return &Report{
		Benchmark:   "attachments",
		Setting:     fmt.Sprintf("%d clients, %d rounds of %s, %s", o.Clients, o.Rounds, o.bound(), machine()),
		Comparisons: made,
		Notes: []string{
			"the controls: a group-committed, synced append of as many bytes; a synced file of the same bytes for each upload; the same bytes from a file",
			"every uploaded file is another one; every download was compared byte for byte, and every answered attachment is in the log",
		},
	}, nil
}

// sharing is the measurement of attachments.
type sharing struct {
	options Options
	house   *House
	parley  *server
	control *server
	room    uuid.UUID
	token   string
	// file is what is shared and downloaded, and body its bytes.
	file events.Digest
	body []byte
	// answered counts the attachments that Parley said it has shared, and
	// brought the files that clients have made.
	answered, brought atomic.Uint64
}

func newSharing(ctx context.Context, p Program, o Options, open *closers) (*sharing, error) {
	house, err := o.openHouse(ctx, p, "parley")
	if err != nil {
		return nil, err
	}
	open.add(house.Close)
	s := &sharing{options: o, house: house, body: make([]byte, fileSize)}
	t, err := settle(ctx, house, 1, [][]int{{0}})
	if err != nil {
		return nil, err
	}
	s.room = t.rooms[0]
	if err := s.install(ctx, t.people[0]); err != nil {
		return nil, err
	}
	if s.parley, err = listen(ctx, p, parleySide, house.Handler); err != nil {
		return nil, err
	}
	open.add(s.parley.stop)
	if err := s.bring(ctx); err != nil {
		return nil, err
	}
	return s, s.openControl(ctx, p, open)
}

// install brings an app into the one conversation.
func (s *sharing) install(ctx context.Context, owner person) error {
	cause := events.Cause{Actor: owner.id.String()}
	written, credentials, err := s.house.Commands.RegisterApp(ctx, cause, owner.id, events.AppListing{Name: "Bench", Grants: decide.AllGrants})
	if err != nil {
		return err
	}
	s.token = credentials.Token
	_, err = s.house.Commands.InstallApp(ctx, cause, s.room, written[0].Fact.(*events.AppRegistered).App, owner.id, nil)
	return err
}

// bring uploads the file that is shared and downloaded.
func (s *sharing) bring(ctx context.Context) error {
	c, err := dial(ctx, s.parley.address)
	if err != nil {
		return err
	}
	defer c.Close()
	answer, err := c.exchange(request("POST", s.parley.address, "/v1/media", s.token, s.body))
	if err != nil {
		return err
	}
	var file projections.Attachment
	if err := json.Unmarshal(answer.body, &file); err != nil || answer.status != http.StatusCreated {
		return fmt.Errorf("the first upload: status %d: %s", answer.status, answer.body)
	}
	s.file = file.Media
	return s.house.Views.CatchUp(ctx)
}

// openControl serves what copies the same bytes and no more.
func (s *sharing) openControl(ctx context.Context, p Program, open *closers) error {
	dir := filepath.Join(s.options.Dir, "control")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "file"), s.body, 0o600); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	log, closed, err := newAppender(ctx, filepath.Join(dir, "log"), s.options.Clients)
	if err != nil {
		cancel()
		return err
	}
	open.add(func() error {
		cancel()
		return <-closed
	})
	s.control, err = listen(ctx, p, controlSide, &copier{dir: dir, log: log})
	if err == nil {
		open.add(s.control.stop)
	}
	return err
}

// copier is the control of files.
type copier struct {
	dir   string
	log   *appender
	files atomic.Uint64
}

// sharedRecord is about what an attachment takes in the log.
const sharedRecord = 700

func (c *copier) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var err error
	switch {
	case r.Method == http.MethodGet:
		err = c.send(w)
		if err == nil {
			return
		}
	case r.URL.Path == "/v1/media":
		err = c.keep(r.Body)
	default:
		if _, err = io.Copy(io.Discard, r.Body); err == nil {
			err = c.log.append(r.Context(), make([]byte, sharedRecord))
		}
	}
	status := http.StatusOK
	if err != nil {
		status = http.StatusInternalServerError
	}
	w.Header().Set("Content-Length", "2")
	w.WriteHeader(status)
	_, _ = w.Write([]byte("{}"))
}

// keep copies a body into a file of its own, and syncs it.
func (c *copier) keep(body io.Reader) (err error) {
	file, err := os.Create(filepath.Join(c.dir, fmt.Sprint(c.files.Add(1))))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if _, err := io.Copy(file, body); err != nil {
		return err
	}
	return file.Sync()
}

func (c *copier) send(w http.ResponseWriter) error {
	file, err := os.Open(filepath.Join(c.dir, "file"))
	if err != nil {
		return err
	}
	defer file.Close()
	w.Header().Set("Content-Length", fmt.Sprint(fileSize))
	_, err = io.Copy(w, file)
	return err
}

// measure lets the two sides take turns, after a round of each that does not
// count.
func (s *sharing) measure(ctx context.Context, c *Comparison, make func(i int, address string) client, shown progress) error {
	for i := range s.options.Rounds + 1 {
		for _, side := range []struct {
			*server
			*Side
		}{{s.parley, &c.Parley}, {s.control, &c.Control}} {
			var clients []client
			for k := range s.options.Clients {
				clients = append(clients, make(k, side.address))
			}
			took, err := drive(ctx, side.address, clients, s.options.bound())
			if err != nil {
				return err
			}
			if i > 0 {
				side.add(took)
			}
		}
		if i > 0 {
			shown.add(1)
		}
	}
	return nil
}

// asker is a client that makes each of its requests anew, or sends one again.
type asker struct {
	make  func() []byte
	judge func(response) error
}

func (a *asker) next() []byte           { return a.make() }
func (a *asker) check(r response) error { return a.judge(r) }

func (s *sharing) sharer(_ int, address string) client {
	body := fmt.Sprintf(`{"recipient":{"id":"%s"},"message":{"attachment":{"type":"file","payload":{"attachment_id":"%s"}}}}`, s.room, s.file)
	ask := request("POST", address, "/v19.0/me/messages", s.token, []byte(body))
	ours := address == s.parley.address
	return &asker{func() []byte { return ask }, func(r response) error {
		if r.status != http.StatusOK || ours && !bytes.Contains(r.body, []byte(`"message_id"`)) {
			return fmt.Errorf("status %d: %s", r.status, r.body)
		}
		if ours {
			s.answered.Add(1)
		}
		return nil
	}}
}

func (s *sharing) uploader(_ int, address string) client {
	ask := request("POST", address, "/v1/media", s.token, s.body)
	own := ask[len(ask)-fileSize:]
	return &asker{func() []byte {
		binary.BigEndian.PutUint64(own, s.brought.Add(1))
		return ask
	}, func(r response) error {
		if r.status != http.StatusOK && r.status != http.StatusCreated {
			return fmt.Errorf("status %d: %s", r.status, r.body)
		}
		return nil
	}}
}

func (s *sharing) downloader(_ int, address string) client {
	ask := request("GET", address, "/v1/media/"+s.file.String(), s.token, nil)
	return &asker{func() []byte { return ask }, func(r response) error {
		if r.status != http.StatusOK || !bytes.Equal(r.body, s.body) {
			return fmt.Errorf("status %d with %d bytes, where %d were right", r.status, len(r.body), len(s.body))
		}
		return nil
	}}
}

// verify counts the attachments that are in the log.
func (s *sharing) verify(ctx context.Context) error {
	shared := uint64(0)
	for recorded, err := range s.house.Journal.Log.Read(ctx, events.MessagesStream(s.room), 0, events.Forwards, 0) {
		if err != nil {
			return err
		}
		if recorded.Type == events.TypeOf(new(events.AttachmentShared)) {
			shared++
		}
	}
	if shared != s.answered.Load() {
		return fmt.Errorf("%d attachments are in the log, and %d were answered", shared, s.answered.Load())
	}
	return nil
}
