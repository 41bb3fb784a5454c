package handlers_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"parley/events"
	"parley/events/logtest"
	"parley/handlers"
	"parley/handlers/handlertest"
	"parley/projections"
)

// told is one event as a client was told of it, and as the log has it.
type told struct{ Position, Name string }

// TestAClientThatDropsAtRandomSeesTheLog reads all conversations and a single
// one while others write, start conversations and let the reader in. Each
// reader hangs up after some events, and comes back with its last id.
func TestAClientThatDropsAtRandomSeesTheLog(t *testing.T) {
	h := handlertest.Open(t)
	random := logtest.Random(t)
	ada, bob := h.Person("ada"), h.Person("bob")
	rooms := []uuid.UUID{ada.Start("group", bob), ada.Start("group", bob)}
	h.CatchUp()
	began := strconv.FormatUint(uint64(h.Node.Tip()), 10)
	var readers, writers sync.WaitGroup
	var all, one []told
	for path, seen := range map[string]*[]told{inbox: &all, streamOf(rooms[0]): &one} {
		own := rand.New(rand.NewPCG(random.Uint64(), 0))
		readers.Go(func() { *seen = readWithDrops(bob, path, began, own) })
	}
	for range 4 {
		own := rand.New(rand.NewPCG(random.Uint64(), 0))
		writers.Go(func() { write(ada, bob, rooms, own) })
	}
	writers.Wait()
	ada.Say(rooms[0], theLast)
	readers.Wait()
	if diff := cmp.Diff(inTheLog(t, h, began, func(events.Recorded) bool { return true }), all); diff != "" {
		t.Errorf("all conversations (-log +told):\n%s", diff)
	}
	ofOne := func(e events.Recorded) bool { return strings.HasSuffix(e.Stream, rooms[0].String()) }
	if diff := cmp.Diff(inTheLog(t, h, began, ofOne), one); diff != "" {
		t.Errorf("one conversation (-log +told):\n%s", diff)
	}
}

// write does what concerns bob, and what does not.
func write(ada, bob *handlertest.Client, rooms []uuid.UUID, random *rand.Rand) {
	for i := range 40 {
		room := rooms[random.IntN(len(rooms))]
		path := "/v1/conversations/" + room.String()
		switch random.IntN(10) {
		case 0:
			bob.Say(ada.Start("group", bob), "a new one")
		case 1:
			late := ada.Start("group")
			ada.Say(late, "bob is not in it")
			ada.Post("/v1/conversations/"+late.String()+"/participants", map[string]any{"userId": bob.User.ID}).Want(204)
			ada.Say(late, "now he is")
		case 2, 3:
			bob.Do("PUT", path+"/read", `{"upTo":0}`)
		case 4:
			ada.Do("PATCH", path+"/messages/0", fmt.Sprintf(`{"text":"edit %d"}`, i))
		case 5:
			bob.Do("PUT", path+"/messages/0/reactions/%F0%9F%91%8D", nil)
			bob.Do("DELETE", path+"/messages/0/reactions/%F0%9F%91%8D", nil)
		case 6:
			ada.Do("PATCH", path, fmt.Sprintf(`{"title":"Title %d"}`, i))
			ada.Do("DELETE", path+"/messages/"+strconv.Itoa(i), nil)
		default:
			ada.Say(room, fmt.Sprint("message ", i))
		}
	}
}

// theLast is what the last message says.
const theLast = "the last"

// readWithDrops reads until the last message.
func readWithDrops(c *handlertest.Client, path, lastID string, random *rand.Rand) []told {
	var seen []told
	for {
		stream := c.Stream(path, lastID)
		for left := random.IntN(40); left > 0; left-- {
			event, err := stream.Next()
			if err != nil {
				break
			}
			seen = append(seen, told{event.ID, event.Name})
			lastID = event.ID
			if strings.Contains(event.Data, theLast) {
				return seen
			}
		}
		stream.Close()
	}
}

// inTheLog is what a reader must be told who was in each conversation since it
// was joined.
func inTheLog(t *testing.T, h *handlertest.House, after string, concerns func(events.Recorded) bool) []told {
	t.Helper()
	names := map[string]string{
		"ConversationStarted": "participant", "ParticipantAdded": "participant", "ConversationRenamed": "conversation",
		"MessagePosted": "message", "MessageEdited": "edit", "MessageRetracted": "retract",
		"ReactionAdded": "reaction", "ReactionRemoved": "reaction", "ReadUpTo": "receipt",
	}
	joined := joinedByBob(t, h)
	var want []told
	from, err := strconv.ParseUint(after, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	for e, err := range h.Node.ReadAll(t.Context(), events.Position(from), events.Forwards, 0) {
		if err != nil {
			t.Fatal(err)
		}
		_, conversation, _ := strings.Cut(e.Stream, "-")
		since, is := joined[conversation]
		if name := names[e.Type]; name != "" && is && e.Position >= since && concerns(e) {
			want = append(want, told{strconv.FormatUint(uint64(e.Position), 10), name})
		}
	}
	return want
}

// joinedByBob reads from the log where the second user to register joined his
// conversations.
func joinedByBob(t *testing.T, h *handlertest.House) map[string]events.Position {
	t.Helper()
	joined := make(map[string]events.Position)
	var users []uuid.UUID
	for recorded, err := range h.Node.ReadAll(t.Context(), events.Beginning, events.Forwards, 0) {
		if err != nil {
			t.Fatal(err)
		}
		event, err := events.Decode(recorded)
		if err != nil {
			t.Fatal(err)
		}
		switch fact := event.Fact.(type) {
		case *events.UserRegistered:
			users = append(users, fact.User)
		case *events.ConversationStarted:
			for _, user := range fact.Participants {
				if user == users[1] {
					joined[fact.Conversation.String()] = recorded.Position
				}
			}
		case *events.ParticipantAdded:
			if fact.User == users[1] {
				joined[fact.Conversation.String()] = recorded.Position
			}
		}
	}
	return joined
}

// TestWhoWasAwayIsToldOfTheirOwnComingAndGoing leaves one conversation and is
// let into another one while nobody reads.
func TestWhoWasAwayIsToldOfTheirOwnComingAndGoing(t *testing.T) {
	h := handlertest.Open(t)
	ada, bob := h.Person("ada"), h.Person("bob")
	old, fresh := ada.Start("group", bob), ada.Start("group")
	participants := func(room uuid.UUID) string { return "/v1/conversations/" + room.String() + "/participants" }
	h.CatchUp()
	away := bob.Stream(inbox, "")
	away.Close()

	ada.Say(old, "heard by nobody who has left since")
	ada.Say(fresh, "before bob came")
	ada.Do("DELETE", participants(old)+"/"+bob.User.ID.String(), nil).Want(204)
	ada.Say(old, "without bob")
	ada.Post(participants(fresh), map[string]any{"userId": bob.User.ID}).Want(204)
	ada.Say(fresh, "with bob")
	h.CatchUp()

	back := bob.Stream(inbox, away.LastID)
	if gone := into[projections.ParticipantData](t, back.Want("participant")); gone.ConversationID != old || gone.Change != "left" || gone.UserID != bob.User.ID {
		t.Errorf("told first of %+v", gone)
	}
	if came := into[projections.ParticipantData](t, back.Want("participant")); came.ConversationID != fresh || came.Change != "joined" || came.Conversation == nil {
		t.Errorf("told then of %+v", came)
	}
	if m := into[projections.Message](t, back.Want("message")); m.Text != "with bob" {
		t.Errorf("told at last of %+v", m)
	}
	ada.Post(participants(old), map[string]any{"userId": bob.User.ID}).Want(204)
	h.CatchUp()
	again := bob.Stream(inbox, away.LastID)
	for _, room := range []uuid.UUID{fresh, old} {
		came := into[projections.ParticipantData](t, again.Want("participant"))
		if came.ConversationID != room || came.Change != "joined" {
			t.Errorf("who has come back is told of %+v", came)
		}
		if room == fresh {
			again.Want("message")
		}
	}
}

func TestAPositionOfAnotherLogStartsOver(t *testing.T) {
	h := handlertest.Open(t)
	ada := h.Person("ada")
	room := ada.Start("group")
	h.CatchUp()
	for _, path := range []string{inbox, streamOf(room)} {
		stream := ada.Stream(path, "1000000")
		over := stream.Want("startOver")
		if data := into[projections.StartOver](t, over); data.Reason != "unknown-position" || over.ID != stream.LastID || over.ID == "1000000" {
			t.Errorf("told %+v, the id is %s", data, stream.LastID)
		}
		said := ada.Say(room, "hello")
		if event := stream.Want("message"); event.ID != said.Position() {
			t.Errorf("goes on with %+v", event)
		}
	}
}

func TestWhoMissedTooMuchStartsOver(t *testing.T) {
	h := handlertest.Open(t)
	h.Feed.MostMissed = 20
	ada := h.Person("ada")
	room := ada.Start("group")
	said := make([]*handlertest.Answer, 20)
	for i := range said {
		said[i] = ada.Say(room, "x")
	}
	h.CatchUp()
	over := into[projections.StartOver](t, ada.Stream(inbox, "0").Want("startOver"))
	if over.Reason != "too-far-behind" || over.UpTo != h.Node.Tip() {
		t.Errorf("told %+v", over)
	}
	ada.Stream(inbox, said[0].Position()).Want("message")
	ada.Say(room, "and on")
	all := ada.Stream(inbox, said[0].Position())
	for range 20 {
		all.Want("message")
	}
}

// TestSlowReaderIsDroppedAndResumes lets a reader fall behind without taking
// anything. What it then takes ends, and it goes on from there.
func TestSlowReaderIsDroppedAndResumes(t *testing.T) {
	h := handlertest.Open(t, func(o *handlers.Options) { o.Limits.Write = time.Minute })
	h.Feed.Hub().QueuedFrames = 8
	ada := h.Person("ada")
	room := ada.Start("group")
	h.CatchUp()
	response := unread(t, h, ada)
	text := strings.Repeat("long ", 3000)
	var last *handlertest.Answer
	for range 60 {
		last = ada.Say(room, text)
	}
	lastID, reason := "", ""
	lines := bufio.NewScanner(response.Body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if id, ok := strings.CutPrefix(lines.Text(), "id: "); ok {
			lastID = id
		}
		if strings.Contains(lines.Text(), `"reason":"slow"`) {
			reason = "slow"
		}
	}
	if lines.Err() != nil || reason != "slow" || lastID == last.Position() {
		t.Fatalf("the stream ended with reason %q, %v, after %s of %s", reason, lines.Err(), lastID, last.Position())
	}
	resumed := ada.Stream(inbox, lastID)
	for seen := ""; seen != last.Position(); {
		event := resumed.Want("message")
		if event.ID == seen {
			t.Fatalf("told twice of %s", seen)
		}
		seen = event.ID
	}
}

// unread opens a stream of which nothing more is read. Between the server and
// its reader there is room for little.
func unread(t *testing.T, h *handlertest.House, reader *handlertest.Client) *http.Response {
	t.Helper()
	server := httptest.NewUnstartedServer(h.Server)
	server.Config.ConnContext = func(ctx context.Context, conn net.Conn) context.Context {
		if err := conn.(*net.TCPConn).SetWriteBuffer(32 << 10); err != nil {
			t.Error(err)
		}
		return ctx
	}
	server.Start()
	t.Cleanup(server.Close)
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := errors.Join(conn.(*net.TCPConn).SetReadBuffer(64<<10), conn.SetDeadline(time.Now().Add(time.Minute))); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: parley\r\nAuthorization: Bearer %s\r\n\r\n", inbox, reader.Token)
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	return response
}

// TestReaderThatTakesNothingIsCutOff waits for the deadline of a write.
func TestReaderThatTakesNothingIsCutOff(t *testing.T) {
	h := handlertest.Open(t, func(o *handlers.Options) { o.Limits.Write = 50 * time.Millisecond })
	ada := h.Person("ada")
	room := ada.Start("group")
	h.CatchUp()
	response := unread(t, h, ada)
	text := strings.Repeat("long ", 3000)
	for said := 0; h.Feed.Hub().Online(ada.User.ID); said++ {
		if said == 200 {
			t.Fatal("the reader is still there")
		}
		ada.Say(room, text)
	}
	if _, err := io.Copy(io.Discard, response.Body); err == nil {
		t.Error("a stream that was cut off looks whole")
	}
}

// TestStreamsOfOtherProtocols reads streams whose connections cannot be taken
// over.
func TestStreamsOfOtherProtocols(t *testing.T) {
	h := handlertest.Open(t)
	ada := h.Person("ada")
	room := ada.Start("group")
	h.CatchUp()
	second := httptest.NewUnstartedServer(h.Server)
	second.EnableHTTP2 = true
	second.StartTLS()
	t.Cleanup(second.Close)
	t.Cleanup(h.Server.Drain)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, "GET", second.URL+inbox, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+ada.Token)
	overHTTP2, err := second.Client().Do(request)
	if err != nil || overHTTP2.ProtoMajor != 2 {
		t.Fatal(overHTTP2, err)
	}
	defer overHTTP2.Body.Close()
	dialer := tls.Dialer{Config: &tls.Config{RootCAs: second.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs, ServerName: "example.com"}}
	bodies := map[string]io.Reader{"HTTP/2": overHTTP2.Body}
	for _, version := range []string{"1.0", "1.1"} {
		conn, err := dialer.DialContext(ctx, "tcp", second.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		fmt.Fprintf(conn, "GET %s HTTP/%s\r\nHost: parley\r\nAuthorization: Bearer %s\r\n\r\n", inbox, version, ada.Token)
		response, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil || response.StatusCode != 200 {
			t.Fatal(response, err)
		}
		bodies["TLS and HTTP/"+version] = response.Body
	}
	said := ada.Say(room, "hello")
	for name, body := range bodies {
		lines := bufio.NewScanner(body)
		for lines.Scan() && lines.Text() != "data: "+string(said.Body) {
			continue
		}
		if lines.Err() != nil || lines.Text() == "" {
			t.Errorf("%s: %q, %v", name, lines.Text(), lines.Err())
		}
	}
	h.Server.Drain()
	for name, body := range bodies {
		rest, err := io.ReadAll(body)
		if err != nil || !strings.Contains(string(rest), "shutdown") {
			t.Errorf("%s: ended with %q, %v", name, rest, err)
		}
	}
}
