package handlers_test

import (
	"encoding/json"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"parley/handlers/handlertest"
	"parley/projections"
)

// syncAll follows pages to their end.
func syncAll(t *testing.T, c *handlertest.Client, path string) (changes []projections.Change, upTo string) {
	t.Helper()
	for pages := 0; ; pages++ {
		var page projections.Sync
		c.Get(path).Want(200).Into(&page)
		changes, upTo = append(changes, page.Events...), strconv.FormatUint(uint64(page.UpTo), 10)
		if page.StartOver || page.Reason != nil || pages > 50 {
			t.Fatalf("page %d: %+v", pages, page)
		}
		if page.Next == nil {
			return changes, upTo
		}
		path = *page.Next
	}
}

func TestSyncTellsWhatAStreamDoes(t *testing.T) {
	h := handlertest.Open(t)
	ada, bob := h.Person("ada"), h.Person("bob")
	live := bob.Stream(inbox, "")
	rooms := []uuid.UUID{ada.Start("group", bob), ada.Start("direct", bob)}
	for range 5 {
		for _, room := range rooms {
			ada.Say(room, "hello")
			bob.Do("PUT", "/v1/conversations/"+room.String()+"/read", `{"upTo":0}`).Want(204)
		}
	}
	ada.Say(ada.Start("group"), "bob is not told")
	ada.Do("PATCH", "/v1/conversations/"+rooms[0].String()+"/messages/0", `{"text":"hello!"}`).Want(200)
	changes, upTo := syncAll(t, bob, "/v1/sync?limit=3")
	if upTo != strconv.FormatUint(uint64(h.Node.Tip()), 10) {
		t.Errorf("ends at %s of %d", upTo, h.Node.Tip())
	}
	for _, change := range changes {
		event, err := live.Next()
		if want := strconv.FormatUint(uint64(change.Position), 10); err != nil || event.ID != want || event.Name != change.Name {
			t.Errorf("the stream has %+v, %v, the page %s %s", event, err, want, change.Name)
		}
	}
	if len(changes) != 15 || changes[0].Name != "participant" || changes[14].Name != "edit" {
		t.Fatalf("%d changes", len(changes))
	}
	var first, last projections.Message
	for i, m := range map[int]*projections.Message{2: &first, 14: &last} {
		if err := json.Unmarshal(changes[i].Data, m); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(last, first); diff != "" || last.Text != "hello!" {
		t.Errorf("a message as it was is told beside the one it is: %s", diff)
	}
	if more, again := syncAll(t, bob, "/v1/sync?after="+upTo); len(more) != 0 || again != upTo {
		t.Errorf("nothing has happened, yet there are %d up to %s", len(more), again)
	}
	ada.Say(rooms[0], "and on")
	if more, _ := syncAll(t, bob, "/v1/sync?after="+upTo); len(more) != 1 {
		t.Errorf("%d changes by one message", len(more))
	}
}

func TestSyncStartsOver(t *testing.T) {
	h := handlertest.Open(t)
	ada := h.Person("ada")
	var page projections.Sync
	ada.Get("/v1/sync?after=999999").Want(200).Into(&page)
	if !page.StartOver || page.Reason == nil || *page.Reason != "unknown-position" || page.UpTo != h.Node.Tip() || page.Next != nil {
		t.Errorf("%+v", page)
	}
	for _, query := range []string{"after=-1", "after=x", "after=9007199254740992"} {
		ada.Get("/v1/sync?"+query).Refused(422, "query.after")
	}
	ada.Get("/v1/sync?limit=0").Refused(422, "query.limit")
	ada.Get("/v1/sync?limit=1001").Refused(422, "query.limit")
}
