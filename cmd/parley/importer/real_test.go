package importer

import (
	"cmp"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// realLogs finds the rooms that were really spoken in.
func realLogs(t testing.TB) []string {
	t.Helper()
	paths, err := filepath.Glob("../../../../shared/data/irc/*.*.txt")
	if err != nil {
		t.Fatal(err)
	}
	if len(paths) == 0 {
		if os.Getenv("PARLEY_TEST_REQUIRE") == "all" {
			t.Fatal("real IRC logs are required, and ../shared/data/irc, seen from the project's root, has none")
		}
		t.Skip("real IRC logs are not at ../shared/data/irc, seen from the project's root")
	}
	return paths
}

// anyMessage is another reading of the format than the importer's.
var anyMessage = regexp.MustCompile(`^(\S+) (\d{4}-\d\d-\d\d) \[(\d\d:\d\d)(:\d\d)?\]\s+(?:<([^>]+)>(.*)|\*\s*(\S+)\s+(\S.*))$`)

// roomLog is what one file says, read without the importer.
type roomLog struct {
	room     string
	first    string
	messages []said
	others   int
}

func readRoomLog(t *testing.T, path string) roomLog {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var log roomLog
	for line := range strings.Lines(string(content)) {
		m := anyMessage.FindStringSubmatch(strings.TrimRight(line, "\n"))
		if m == nil {
			log.others++
			continue
		}
		if m[4] == "" {
			m[4] = ":00"
		}
		message := said{Author: m[5], Text: strings.TrimSpace(m[6]), At: m[2] + "T" + m[3] + m[4] + "Z"}
		if m[7] != "" {
			message.Author, message.Text = m[7], "/me "+strings.TrimSpace(m[8])
		}
		log.room = m[1]
		if log.first == "" || message.At < log.first {
			log.first = message.At
		}
		log.messages = append(log.messages, message)
	}
	return log
}

func TestRealRoomsAreImportedWhole(t *testing.T) {
	paths := realLogs(t)
	var logs []roomLog
	for _, path := range paths {
		logs = append(logs, readRoomLog(t, path))
	}
	slices.SortFunc(logs, func(a, b roomLog) int { return cmp.Compare(a.first, b.first) })
	messages, others := 0, 0
	rooms := map[string][]said{}
	registered := map[string]string{}
	for _, log := range logs {
		messages, others = messages+len(log.messages), others+log.others
		rooms[log.room] = append(rooms[log.room], log.messages...)
		for _, message := range log.messages {
			handle := strings.ToLower(message.Author)
			if first := registered[handle]; first == "" || message.At < first {
				registered[handle] = message.At
			}
		}
	}

	h := newHouse(t)
	began := time.Now()
	result := h.mustRun(t, IRC, paths...)
	t.Logf("%s%d messages in %v", result.out, result.Messages, time.Since(began).Round(time.Millisecond))
	mustEqual(t, Summary{Messages: messages, Users: len(registered), Conversations: len(rooms), Skipped: others}, result.Summary)
	checkRooms(t, h.history(t), rooms, registered)

	before := h.tip(t)
	mustEqual(t, Summary{Skipped: others, Known: messages}, h.mustRun(t, IRC, paths...).Summary)
	if after := h.tip(t); after != before {
		t.Errorf("the second run took the log from %d to %d", before, after)
	}
}

// checkRooms compares handles without their case: of several spellings, the
// first is registered.
func checkRooms(t *testing.T, found history, rooms map[string][]said, registered map[string]string) {
	t.Helper()
	for room, want := range rooms {
		got := found.Talks[room].Messages
		for _, messages := range [][]said{want, got} {
			for i := range messages {
				messages[i].Author = strings.ToLower(messages[i].Author)
			}
		}
		mustEqual(t, want, got)
		for _, message := range want {
			if !slices.ContainsFunc(slices.Collect(maps.Keys(found.Talks[room].People)), func(handle string) bool {
				return strings.EqualFold(handle, message.Author)
			}) {
				t.Errorf("%s spoke in %s and is not a participant", message.Author, room)
			}
		}
	}
	folded := map[string]string{}
	for handle, at := range found.Registered {
		folded[strings.ToLower(handle)] = at
	}
	mustEqual(t, registered, folded)
}
