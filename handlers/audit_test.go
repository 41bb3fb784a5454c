package handlers_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/events"
	"parley/handlers"
	"parley/handlers/handlertest"
)

type auditEvent struct {
	Position uint64
	Stream   string
	Revision uint64
	ID       string
	Type     string
	Created  time.Time
	Metadata map[string]any
	Data     map[string]any
}

type auditPage struct {
	Events []auditEvent
	Next   *string
}

// audit follows next to the end and counts the pages.
func audit(t *testing.T, auditor *handlertest.Client, query string) (all []auditEvent, pages int) {
	t.Helper()
	for next := "/v1/audit/events?" + query; next != ""; pages++ {
		if pages > 200 {
			t.Fatal("the log does not end")
		}
		var page auditPage
		auditor.Get(next).Want(200).Into(&page)
		all = append(all, page.Events...)
		next = ""
		if page.Next != nil {
			next = *page.Next
		}
	}
	return all, pages
}

func TestAuditFilters(t *testing.T) {
	c := openChat(t)
	for i := range 6 {
		c.Clock.Advance(time.Hour)
		[]*handlertest.Client{c.ada, c.bob}[i%2].Say(c.room, fmt.Sprint(i))
	}
	auditor := c.Scoped(handlers.Auditor)
	everything, _ := audit(t, auditor, "")
	stored := 0
	for recorded, err := range c.Node.ReadAll(t.Context(), events.Beginning, events.Forwards, 0) {
		if err != nil {
			t.Fatal(err)
		}
		if got := everything[stored]; got.Position != uint64(recorded.Position) || got.Stream != recorded.Stream ||
			got.Revision != recorded.Revision || got.ID != recorded.ID.String() || got.Type != recorded.Type || !got.Created.Equal(recorded.Created) {
			t.Errorf("shown %+v, stored %+v", got, recorded)
		}
		stored++
	}
	if stored != len(everything) {
		t.Fatalf("%d events are shown of %d", len(everything), stored)
	}
	since := handlertest.Began.Add(3 * time.Hour)
	messages := events.MessagesStream(c.room)
	filters := map[string]func(auditEvent) bool{
		"stream=" + messages:                      func(e auditEvent) bool { return e.Stream == messages },
		"type=MessagePosted":                      func(e auditEvent) bool { return e.Type == "MessagePosted" },
		"actor=" + c.ada.User.ID.String():         func(e auditEvent) bool { return e.Metadata["actor"] == c.ada.User.ID.String() },
		"from=" + url.QueryEscape(rfc3339(since)): func(e auditEvent) bool { return !e.Created.Before(since) },
		"to=" + url.QueryEscape(rfc3339(since)):   func(e auditEvent) bool { return e.Created.Before(since) },
		"from=2026-03-03":                         func(auditEvent) bool { return false },
		"type=MessagePosted&actor=" + c.bob.User.ID.String(): func(e auditEvent) bool {
			return e.Type == "MessagePosted" && e.Metadata["actor"] == c.bob.User.ID.String()
		},
		"stream=" + messages + "&type=ConversationStarted": func(auditEvent) bool { return false },
		"stream=none": func(auditEvent) bool { return false },
		fmt.Sprintf("after=%d", everything[4].Position): func(e auditEvent) bool { return e.Position > everything[4].Position },
		fmt.Sprintf("after=%d&stream=%s", everything[len(everything)-3].Position, messages): func(e auditEvent) bool {
			return e.Stream == messages && e.Position > everything[len(everything)-3].Position
		},
		"after=9007199254740991": func(auditEvent) bool { return false },
	}
	for filter, passes := range filters {
		var want []auditEvent
		for _, event := range everything {
			if passes(event) {
				want = append(want, event)
			}
		}
		for _, limit := range []string{"", "&limit=1", "&limit=4"} {
			got, _ := audit(t, auditor, filter+limit)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", filter+limit, diff)
			}
		}
	}
}

func rfc3339(t time.Time) string { return t.Format(time.RFC3339Nano) }

func TestOneAuditRequestLooksAtABoundedNumberOfEvents(t *testing.T) {
	h := handlertest.Open(t, func(o *handlers.Options) { o.Limits.Scan = 3 })
	ada := h.Person("ada")
	room := ada.Start("group")
	for range 12 {
		ada.Say(room, "hello")
	}
	found, pages := audit(t, h.Scoped(handlers.Auditor), "type=ConversationStarted")
	if len(found) != 1 || pages < 5 {
		t.Errorf("found %d events on %d pages", len(found), pages)
	}
}

func TestAuditedEventKeepsPersonalValuesSealed(t *testing.T) {
	c := openChat(t)
	said := c.ada.Say(c.room, "a secret remark")
	var event auditEvent
	auditor := c.Scoped(handlers.Auditor)
	auditor.Get("/v1/audit/events/" + said.Position()).Want(200).Into(&event)
	if event.Stream != events.MessagesStream(c.room) || event.Type != "MessagePosted" || event.Data["author"] != c.ada.User.ID.String() {
		t.Errorf("the event is %+v", event)
	}
	if text, _ := event.Data["text"].(string); text == "" || text == "a secret remark" {
		t.Errorf("the text is shown as %q", text)
	}
	if event.Metadata["$correlationId"] != said.Header.Get("X-Request-Id") {
		t.Errorf("the correlation is %v, the request's id %s", event.Metadata["$correlationId"], said.Header.Get("X-Request-Id"))
	}
	auditor.Get("/v1/audit/events/4000000000").Refused(404, "position")
	for _, position := range []string{"0", "-1", "x", "99999999999999999999999"} {
		auditor.Get("/v1/audit/events/"+position).Refused(422, "path.position")
	}
	for query, field := range map[string]string{
		"after=-1": "query.after", "after=x": "query.after", "limit=1001": "query.limit", "limit=0": "query.limit",
		"from=x": "query.from", "to=2026": "query.to",
	} {
		auditor.Get("/v1/audit/events?"+query).Refused(422, field)
	}
}

func TestForeignEventsAreShownAsTheyAre(t *testing.T) {
	h := handlertest.Open(t)
	appended, err := h.Node.Append(t.Context(), "foreign-1", events.Any,
		events.Proposed{ID: h.NewID(), Type: "Picture", Data: []byte{0xff, 0x00}, Binary: true},
		events.Proposed{ID: h.NewID(), Type: "Empty", Data: []byte("{}"), Metadata: []byte("not json")})
	if err != nil {
		t.Fatal(err)
	}
	var page struct {
		Events []struct{ Data, Metadata json.RawMessage }
	}
	h.Scoped(handlers.Auditor).Get("/v1/audit/events?stream=foreign-1&actor=").Want(200).Into(&page)
	got := fmt.Sprintf("%s %s %s %s", page.Events[0].Data, page.Events[0].Metadata, page.Events[1].Data, page.Events[1].Metadata)
	if want := `"/wA=" null {} "bm90IGpzb24="`; got != want {
		t.Errorf("shown as %s, want %s (appended at %v)", got, want, appended)
	}
	h.Scoped(handlers.Auditor).Get("/v1/audit/events?actor=x").Want(200)
}
