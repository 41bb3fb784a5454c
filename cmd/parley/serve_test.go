package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"parley/events/pgtest"
)

func TestServeFromOutside(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	server := serve(t, data)
	address := server.address()
	if !strings.HasPrefix(address, "http://127.0.0.1:") {
		t.Fatalf("the server listens on %q", address)
	}
	ada, bob := register(t, address, "ada"), register(t, address, "bob")
	room := ada.begin("Dinner", bob)
	ada.say(room, "Dinner at eight?")
	posted := bob.say(room, "Make it nine.")
	if posted.Number != 1 || posted.Text != "Make it nine." || posted.position == "" {
		t.Errorf("posting answered %s with position %q", posted.raw, posted.position)
	}

	lines := ada.transcript(room, "Parley-Position", posted.position)
	want := []talkLine{{0, ada.id, "Dinner at eight?"}, {1, bob.id, "Make it nine."}}
	if len(lines) != 2 || lines[0] != want[0] || lines[1] != want[1] {
		t.Errorf("ada reads %v", lines)
	}
	inbox := ada.ask(http.StatusOK, "GET", "/v1/conversations", nil).Conversations
	if len(inbox) != 1 || inbox[0].Unread != 1 || inbox[0].LastMessage == nil || inbox[0].LastMessage.Text != "Make it nine." {
		t.Errorf("ada's inbox is %+v", inbox)
	}
	register(t, address, "eve").ask(http.StatusNotFound, "GET", "/v1/conversations/"+room+"/messages", nil)

	acting := holder(t, address, data, "--user", ada.id)
	if title := acting.ask(http.StatusOK, "GET", "/v1/conversations/"+room, nil).Title; title != "Dinner" {
		t.Errorf("the command line's token shows the title %q", title)
	}
	analyst := holder(t, address, data, "--scope", "analyst")
	analyst.ask(http.StatusOK, "GET", "/v1/growth", nil)
	analyst.ask(http.StatusForbidden, "GET", "/v1/audit/events", nil)

	posts := finish(t, "audit", "events", "--data", data, "--type", "MessagePosted", "--limit", "1")
	if lines := strings.Count(posts, "\n"); lines != 2 {
		t.Errorf("one event of one type takes %d lines:\n%s", lines, posts)
	}
	serving := look(t, data)
	server.stop()
	if stopped := look(t, data); stopped != serving {
		t.Errorf("the commands show something else without the server.\nwith:\n%s\nwithout:\n%s", serving, stopped)
	}
	if _, err := os.Stat(filepath.Join(data, "control")); !os.IsNotExist(err) {
		t.Errorf("the server left its control socket: %v", err)
	}
}

// look is what the commands that inspect show. It checks that it is what
// TestServeFromOutside did.
func look(t *testing.T, data string) string {
	t.Helper()
	events := finish(t, "audit", "events", "--data", data, "--format", "json")
	for kind, count := range map[string]int{"UserRegistered": 3, "HandleClaimed": 3, "ConversationStarted": 1, "MessagePosted": 2} {
		if got := strings.Count(events, `"type":"`+kind+`"`); got != count {
			t.Errorf("audit shows %d %s, want %d", got, kind, count)
		}
	}
	if strings.Contains(events, "Dinner at eight?") || strings.Contains(events, `"ada"`) {
		t.Errorf("audit shows personal values in the open:\n%s", events)
	}
	growth := finish(t, "growth", "--data", data)
	rows := strings.Fields(growth)
	if today := strings.Join(rows[len(rows)-3:], " "); today != "3 3 3" {
		t.Errorf("growth ends with %q, want 3 users, registered and active:\n%s", today, growth)
	}
	return events + growth
}

func TestASecondServerIsRefused(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	first := serve(t, data)
	address := first.address()
	second := serve(t, data)
	if code := second.wait(); code != failed {
		t.Errorf("exit code %d, want %d", code, failed)
	}
	said := second.stderr.String()
	if !strings.Contains(said, "in use") || !strings.Contains(said, data) || !strings.Contains(said, fmt.Sprint("process ", first.cmd.Process.Pid)) {
		t.Errorf("the second server said %q, want the directory, that it is in use, and by whom", said)
	}
	register(t, address, "ada")
	first.stop()
}

// TestDrainFinishesWhatIsUnderWay sends half a request, asks the server to
// stop, and sends the rest once it drains.
func TestDrainFinishesWhatIsUnderWay(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	server := serve(t, data)
	ada := register(t, server.address(), "ada")
	room := ada.begin("Alone")
	body := `{"text":"the last word"}`
	connection, err := net.Dial("tcp", strings.TrimPrefix(ada.address, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	fmt.Fprintf(connection, "POST /v1/conversations/%s/messages HTTP/1.1\r\nHost: parley\r\nAuthorization: Bearer %s\r\n"+
		"Content-Type: application/json\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n", room, ada.token, len(body))
	answers := bufio.NewReader(connection)
	// The server asks for the body when its handler reads it, so from here on
	// the request is under way.
	if line, err := answers.ReadString('\n'); err != nil || !strings.Contains(line, "100 Continue") {
		t.Fatalf("%q, %v", line, err)
	}
	if _, err := answers.ReadString('\n'); err != nil {
		t.Fatal(err)
	}

	server.signal(syscall.SIGTERM)
	server.line(server.stderr, "draining")
	fmt.Fprint(connection, body)
	response, err := http.ReadResponse(answers, nil)
	if err != nil || response.StatusCode != http.StatusCreated {
		t.Fatalf("the request under way got %v, %v", response, err)
	}
	if code := server.wait(); code != done {
		t.Errorf("exit code %d", code)
	}
	again := serve(t, data)
	ada.address = again.address()
	if lines := ada.transcript(room); len(lines) != 1 || lines[0].Text != "the last word" {
		t.Errorf("after the restart there is %v", lines)
	}
	again.stop()
}

// TestAnInterruptEndsStreams has readers with open streams, who never hang up,
// when the server is stopped: they are told, and nobody waits for them.
func TestAnInterruptEndsStreams(t *testing.T) {
	t.Parallel()
	server := serve(t, filepath.Join(t.TempDir(), "data"))
	ada := register(t, server.address(), "ada")
	room := ada.begin("Alone")
	ada.transcript(room, "Parley-Position", ada.say(room, "Still there?").position)
	var streams []*bufio.Reader
	for _, path := range []string{"/v1/stream", "/v1/conversations/" + room + "/stream"} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, ada.address+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Authorization", "Bearer "+ada.token)
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		lines := bufio.NewReader(response.Body)
		if line, err := lines.ReadString('\n'); err != nil || !strings.HasPrefix(line, "retry: ") {
			t.Fatalf("%s begins with %q, %v", path, line, err)
		}
		streams = append(streams, lines)
	}
	server.signal(syscall.SIGINT)
	for _, lines := range streams {
		if rest, err := io.ReadAll(lines); err != nil || !strings.Contains(string(rest), "event: end\n") {
			t.Errorf("the stream ends with %q, %v", rest, err)
		}
	}
	if code := server.wait(); code != done {
		t.Errorf("exit code %d", code)
	}
	if told := server.stderr.String(); strings.Contains(told, "cutting off") || strings.Contains(told, "did not end in time") {
		t.Errorf("somebody was waited for: %s", told)
	}
}

// TestServeOnACluster has one process keep the log and another serve on it by
// the EventStoreDB protocol.
func TestServeOnACluster(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	node := start(t, nil, "node", "--data", filepath.Join(dir, "node"), "--listen", "127.0.0.1:0")
	_, address, _ := strings.Cut(node.line(node.stdout, "parley: node listening on "), "listening on ")
	data := filepath.Join(dir, "data")
	cluster := "esdb://" + address + "?tls=false"
	server := serve(t, data, "--eventstore", cluster)
	ada, bob := register(t, server.address(), "ada"), register(t, server.address(), "bob")
	room := ada.begin("Far away", bob)
	var last reply
	for i := range 20 {
		last = ada.say(room, fmt.Sprint("line ", i), "Idempotency-Key", fmt.Sprint("key-", i))
	}
	if again := ada.say(room, "line 19", "Idempotency-Key", "key-19"); again.Number != last.Number {
		t.Errorf("the repeat is number %d, the first was %d", again.Number, last.Number)
	}
	checkLines := func() {
		t.Helper()
		lines := bob.transcript(room, "Parley-Position", last.position)
		if len(lines) != 20 || lines[19] != (talkLine{19, ada.id, "line 19"}) {
			t.Errorf("bob reads %d lines: %v", len(lines), lines)
		}
	}
	checkLines()
	server.stop()

	again := serve(t, data, "--eventstore", cluster)
	ada.address = again.address()
	bob.address = ada.address
	checkLines()
	again.stop()
	node.stop()
}

// TestServeOnPostgres has read models in PostgreSQL, across a restart.
func TestServeOnPostgres(t *testing.T) {
	t.Parallel()
	views := pgtest.URL(t)
	data := filepath.Join(t.TempDir(), "data")
	server := serve(t, data, "--views", views)
	ada, bob := register(t, server.address(), "ada"), register(t, server.address(), "bob")
	room := ada.begin("Elephants", bob)
	var last reply
	for i := range 20 {
		last = ada.say(room, fmt.Sprint("line ", i))
	}
	check := func() {
		t.Helper()
		lines := bob.transcript(room, "Parley-Position", last.position)
		if len(lines) != 20 || lines[19] != (talkLine{19, ada.id, "line 19"}) {
			t.Errorf("bob reads %d lines: %v", len(lines), lines)
		}
		inbox := bob.ask(http.StatusOK, "GET", "/v1/conversations", nil).Conversations
		if len(inbox) != 1 || inbox[0].Unread != 20 {
			t.Errorf("bob's inbox is %+v", inbox)
		}
	}
	check()
	server.stop()
	if files, err := filepath.Glob(filepath.Join(data, "views", "*")); err != nil || len(files) > 0 {
		t.Errorf("the data directory has views: %v, %v", files, err)
	}

	again := serve(t, data, "--views", views)
	bob.address = again.address()
	check()
	again.stop()
}
