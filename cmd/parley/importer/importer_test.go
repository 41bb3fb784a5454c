package importer

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"parley/events"
	"parley/events/decide"
)

func names(people map[string]bool) string {
	return strings.Join(slices.Sorted(maps.Keys(people)), " ")
}

func group(handles ...string) map[string]bool {
	all := map[string]bool{}
	for _, handle := range handles {
		all[handle] = true
	}
	return all
}

func mustEqual(t testing.TB, want, got any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("wanted (-), got (+):\n%s", diff)
	}
}

const rooms = `tea 2019-01-02 [10:00:05] <Ann> hello 
tea 2019-01-02 [10:00:05] <ben>	hi, Ann  

tea 2019-01-02 === cleo [c=x@host]  has joined #tea 
coffee 2019-01-02 [10:01] * ann  pours a cup 
tea 2019-01-02 [09:59:59] <@cleo> sorry I am late
tea 2019-01-02 [10:00:05] <Ann> hello
tea 2019-01-02 === ben [b=x@host]  has left #tea []
tea 2019-01-02 === cleo is now known as cleopatra
tea 2019-01-02 [10:02] -bot- a notice
what is this
tea 2019-02-30 [10:02] <ann> on no such day
tea 2019-01-02 [10:02] <ann>
`

func TestRoomsBecomeGroups(t *testing.T) {
	h := newHouse(t)
	result := h.mustRun(t, IRC, write(t, rooms))

	mustEqual(t, Summary{Messages: 5, Users: 3, Conversations: 2, Skipped: 7}, result.Summary)
	mustEqual(t, "skipped: 1 joins, 1 leaves, 1 new nicks, 1 notices, 1 refused, 2 unreadable\n"+
		"imported: 5 messages, 3 users, 2 conversations, 7 skipped\n", result.out)
	for _, line := range []string{"history.txt:11: skipped: it does not begin with", "history.txt:12: skipped: it does not begin with", "history.txt:13: skipped: text: must not be empty"} {
		if !strings.Contains(result.errs, line) {
			t.Errorf("%q is not told:\n%s", line, result.errs)
		}
	}
	mustEqual(t, history{
		Registered: map[string]string{
			"Ann":  "2019-01-02T10:00:05Z",
			"ben":  "2019-01-02T10:00:05Z",
			"cleo": "2019-01-02T09:59:59Z",
		},
		Talks: map[string]talk{
			"tea": {events.Group, "2019-01-02T10:00:05Z", group("Ann", "ben", "cleo"), []said{
				{"Ann", "hello", "2019-01-02T10:00:05Z"},
				{"ben", "hi, Ann", "2019-01-02T10:00:05Z"},
				{"cleo", "sorry I am late", "2019-01-02T09:59:59Z"},
				{"Ann", "hello", "2019-01-02T10:00:05Z"},
			}},
			"coffee": {events.Group, "2019-01-02T10:01:00Z", group("Ann"), []said{
				{"Ann", "/me pours a cup", "2019-01-02T10:01:00Z"},
			}},
		},
	}, h.history(t))
}

const edges = `# a small network
1 2 1082040961
2 1 1082155839

1 2 1082040961
3	3	1082414391
1 3 1082414391
4 1 yesterday
`

func TestPairsBecomeDirectConversations(t *testing.T) {
	h := newHouse(t)
	result := h.mustRun(t, Edges, write(t, edges))

	mustEqual(t, Summary{Messages: 4, Users: 3, Conversations: 2, Skipped: 2}, result.Summary)
	mustEqual(t, history{
		Registered: map[string]string{
			"u1": "2004-04-15T14:56:01Z",
			"u2": "2004-04-15T14:56:01Z",
			"u3": "2004-04-19T22:39:51Z",
		},
		Talks: map[string]talk{
			"u1 u2": {events.Direct, "2004-04-15T14:56:01Z", group("u1", "u2"), []said{
				{"u1", "#2", "2004-04-15T14:56:01Z"},
				{"u2", "#3", "2004-04-16T22:50:39Z"},
				{"u1", "#5", "2004-04-15T14:56:01Z"},
			}},
			"u1 u3": {events.Direct, "2004-04-19T22:39:51Z", group("u1", "u3"), []said{
				{"u1", "#7", "2004-04-19T22:39:51Z"},
			}},
		},
	}, h.history(t))
}

func TestSecondRunAddsNothing(t *testing.T) {
	for format, content := range map[string]string{IRC: rooms, Edges: edges} {
		h := newHouse(t)
		first := h.mustRun(t, format, write(t, content))
		before := h.tip(t)
		fresh := furnish(h.journal.Log, h.journal.Keys) // nothing is known from memory

		again := fresh.mustRun(t, format, write(t, content)) // in another folder
		mustEqual(t, Summary{Skipped: first.Skipped, Known: first.Messages}, again.Summary)
		if !strings.Contains(again.out, fmt.Sprintf("already there: %d messages\n", first.Messages)) {
			t.Errorf("the second run does not tell what was there:\n%s", again.out)
		}
		if after := h.tip(t); after != before {
			t.Errorf("%s: the log went from %d to %d", format, before, after)
		}
	}
}

func TestGrownFileGoesOn(t *testing.T) {
	h := newHouse(t)
	lines := strings.SplitAfter(rooms, "\n")
	h.mustRun(t, IRC, write(t, strings.Join(lines[:3], "")))
	result := h.mustRun(t, IRC, write(t, rooms))
	mustEqual(t, Summary{Messages: 3, Users: 1, Conversations: 1, Skipped: 7, Known: 2}, result.Summary)

	whole := newHouse(t)
	whole.mustRun(t, IRC, write(t, rooms))
	mustEqual(t, whole.history(t), h.history(t))
}

func TestFilesAreReadInTheOrderOfTheirTimes(t *testing.T) {
	h := newHouse(t)
	late := write(t, "tea 2020-01-01 [10:00] <ann> later\n")
	early := write(t, "tea 2019-01-01 [10:00] <ann> earlier\n")
	result := h.mustRun(t, IRC, late, early, late)

	mustEqual(t, Summary{Messages: 2, Users: 1, Conversations: 1, Known: 1}, result.Summary)
	mustEqual(t, []said{
		{"ann", "earlier", "2019-01-01T10:00:00Z"},
		{"ann", "later", "2020-01-01T10:00:00Z"},
	}, h.history(t).Talks["tea"].Messages)
}

func TestHandleOfARegisteredUserIsTheirs(t *testing.T) {
	h := newHouse(t)
	registered, err := h.commands.Register(t.Context(), events.Cause{}, decide.Registration{Handle: "ANN", DisplayName: "Ann"})
	if err != nil {
		t.Fatal(err)
	}
	result := h.mustRun(t, IRC, write(t, rooms))
	if result.Users != 2 {
		t.Errorf("%d users are new", result.Users)
	}
	for recorded := range h.journal.Log.Read(t.Context(), "user-"+registered.Meta.Actor, 0, events.Forwards, 0) {
		if recorded.Revision > 0 {
			t.Error("the user was registered twice")
		}
	}
	if got := h.history(t).Talks["tea"].Messages[0].Author; got != "ANN" {
		t.Errorf("the message is by %q", got)
	}
}

func TestWhatTheRulesRefuseIsSkippedAlone(t *testing.T) {
	var file strings.Builder
	say := func(nick, text string) {
		fmt.Fprintf(&file, "tea 2019-01-02 [10:00] <%s> %s\n", nick, text)
	}
	say("ann", "first")
	say("ann", strings.Repeat("é", decide.MaxText+1))
	say("ann", "not \xff UTF-8")
	say("ann", "a \x00 NUL")
	say(strings.Repeat("n", 65), "too long a name")
	say("ann", strings.Repeat("é", decide.MaxText))
	say("ann", strings.Repeat("x", 2*maxLine))
	say("ann", "last")
	file.WriteString(strings.Repeat("r", 201) + " 2019-01-02 [10:00] <ann> too long a title\n")

	h := newHouse(t)
	result := h.mustRun(t, IRC, write(t, file.String()))
	mustEqual(t, Summary{Messages: 3, Users: 1, Conversations: 1, Skipped: 6}, result.Summary)
	for _, reason := range []string{
		":2: skipped: text: must have at most 20000 characters", ":3: skipped: text: must be valid UTF-8",
		":4: skipped: text: must not contain a NUL", ":5: skipped: handle: must have at most",
		":7: skipped: longer than", ":9: skipped: title: must have at most",
	} {
		if !strings.Contains(result.errs, reason) {
			t.Errorf("%q is not told:\n%s", reason, result.errs)
		}
	}
	messages := h.history(t).Talks["tea"].Messages
	if len(messages) != 3 || messages[0].Text != "first" || messages[2].Text != "last" {
		t.Errorf("%d messages: %.100v", len(messages), messages)
	}
}

func TestWhoWasRemovedSinceIsNotLetInAgain(t *testing.T) {
	h := newHouse(t)
	path := write(t, "tea 2019-01-02 [10:00] <ann> hello\ntea 2019-01-02 [10:00] <ben> hello\n")
	h.mustRun(t, IRC, path)
	tea := h.conversation(t)
	for _, handle := range []string{"ben", "ann"} {
		user, _, err := h.commands.UserByHandle(t.Context(), handle)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := h.commands.RemoveParticipant(t.Context(), events.Cause{Actor: user.String()}, tea, user, user); err != nil {
			t.Fatal(err)
		}
	}
	before := h.tip(t)
	mustEqual(t, Summary{Known: 2}, h.mustRun(t, IRC, path).Summary)
	if h.tip(t) != before {
		t.Error("a repeat changed who is in the room")
	}

	grown := write(t, "tea 2019-01-02 [11:00] <ann> is anybody here?\n")
	result := h.mustRun(t, IRC, grown)
	if result.Skipped != 1 || !strings.Contains(result.errs, "nobody is left") {
		t.Errorf("a message into an empty room gave %+v", result)
	}
}

// conversation finds the only one.
func (h *house) conversation(t *testing.T) uuid.UUID {
	t.Helper()
	for recorded, err := range h.journal.Log.ReadAll(t.Context(), events.Beginning, events.Forwards, 0) {
		if err != nil {
			t.Fatal(err)
		}
		if id, ok := strings.CutPrefix(recorded.Stream, "conversation-"); ok {
			return uuid.MustParse(id)
		}
	}
	t.Fatal("there is no conversation")
	return uuid.Nil
}

func TestListOfTroublesIsBounded(t *testing.T) {
	h := newHouse(t)
	result := h.mustRun(t, IRC, write(t, strings.Repeat("nonsense\n", 1000)))
	mustEqual(t, Summary{Skipped: 1000}, result.Summary)
	if lines := strings.Count(result.errs, "\n"); lines != maxTroubles+1 || !strings.Contains(result.errs, "and 980 more lines") {
		t.Errorf("%d lines of troubles:\n%s", lines, result.errs)
	}
}

func TestBadArguments(t *testing.T) {
	h := newHouse(t)
	if _, err := h.run(t.Context(), "mbox", write(t, "")); err == nil || !strings.Contains(err.Error(), "edges") {
		t.Errorf("an unknown format gave %v", err)
	}
	missing := filepath.Join(t.TempDir(), "missing.txt")
	if _, err := h.run(t.Context(), IRC, missing); err == nil || !strings.Contains(err.Error(), missing) {
		t.Errorf("a missing file gave %v", err)
	}
	if _, err := h.run(t.Context(), IRC, os.TempDir()); err == nil {
		t.Error("a folder was imported")
	}
}

func TestProgressIsToldInLines(t *testing.T) {
	var out, errs strings.Builder
	at := time.Unix(0, 0)
	progress := newProgress(Options{Out: &out, Err: &errs, Now: func() time.Time { return at }}, "lines", 30)
	for range 3 {
		at = at.Add(pace / 2)
		progress.add(10)
	}
	progress.finish()
	mustEqual(t, "20 of 30 lines\n", out.String())
}

func TestProgressBarStaysOffTheOutput(t *testing.T) {
	h := newHouse(t)
	var out, errs strings.Builder
	options := Options{Format: IRC, Out: &out, Err: &errs, Terminal: true}
	summary, err := Run(t.Context(), h.commands, h.journal, options, write(t, rooms))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(out.String(), summary.String()+"\n") || !strings.Contains(errs.String(), "importing") {
		t.Errorf("out:\n%s\nerr:\n%q", out.String(), errs.String())
	}
}
