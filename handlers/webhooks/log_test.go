package webhooks_test

import (
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"

	"parley/events"
	"parley/handlers/handlertest"
	"parley/handlers/webhooks"
)

// log is the delivery log as its owner reads it.
type log struct {
	Deliveries []webhooks.Delivery
	Next       *string
}

// settled is the log once nothing waits any more.
func settled(h *handlertest.House, owner *handlertest.Client, app bot) log {
	h.Helper()
	for {
		var waits, read log
		owner.Get("/v1/apps/" + app.App.ID.String() + "/deliveries?state=waiting").Want(200).Into(&waits)
		if len(waits.Deliveries) == 0 {
			owner.Get("/v1/apps/" + app.App.ID.String() + "/deliveries").Want(200).Into(&read)
			return read
		}
	}
}

func TestTheDeliveryLogAndReplays(t *testing.T) {
	h := open(t)
	var tries atomic.Int64
	at := receive(t, func(item) int {
		if tries.Add(1) == 1 {
			return http.StatusBadGateway
		}
		return http.StatusOK
	})
	ada, bob := h.Person("ada"), h.Person("bob")
	app := bring(ada, at, events.MessagesField)
	deliveries := "/v1/apps/" + app.App.ID.String() + "/deliveries"
	room := ada.Start("group", bob)
	install(ada, room, app)
	var told []item
	for n := range 3 {
		bob.Say(room, fmt.Sprint(n))
		told = append(told, at.next())
	}
	read := settled(h, ada, app)
	if len(read.Deliveries) != 3 || read.Next != nil {
		t.Fatalf("the log has %+v", read)
	}
	first := read.Deliveries[2]
	if first.Number != 1 || first.Attempts != 2 || first.State != "delivered" || *first.Status != 200 || first.EventID != told[0].EventID || first.ConversationID != room || first.PageID != app.App.ID {
		t.Errorf("the first delivery is logged as %+v", first)
	}
	var page log
	ada.Get(deliveries + "?limit=2").Want(200).Into(&page)
	if len(page.Deliveries) != 2 || page.Next == nil {
		t.Fatalf("a page of two has %+v", page)
	}
	if ada.Get(*page.Next).Want(200).Into(&page); len(page.Deliveries) != 1 || page.Deliveries[0].Number != 1 {
		t.Errorf("the second page has %+v", page)
	}

	var made webhooks.Replayed
	ada.Post(deliveries+"/1/replay", nil, "Idempotency-Key", "again").Want(200).Into(&made)
	if again := at.next(); made != (webhooks.Replayed{Count: 1, First: 4, Last: 4}) || again.EventID != told[0].EventID || again.Message.Text != "0" {
		t.Errorf("replayed as %+v: %+v", made, again)
	}
	ada.Post(deliveries+"/1/replay", nil, "Idempotency-Key", "again").Want(200).Into(&made)
	ada.Post(deliveries+"/2/replay", nil, "Idempotency-Key", "again").Want(422)
	if made.First != 4 {
		t.Errorf("a repeat made %+v", made)
	}
	settled(h, ada, app)
	ada.Post(deliveries+"/replay", `{"from":2,"to":3}`).Want(200).Into(&made)
	if one, other := at.next(), at.next(); made.Count != 2 || one.Message.Text != "1" || other.Message.Text != "2" {
		t.Errorf("replayed %+v: %q, %q", made, one.Message.Text, other.Message.Text)
	}
	read = settled(h, ada, app)
	if replayed := read.Deliveries[0].ReplayOf; replayed == nil || *replayed != 3 {
		t.Errorf("a replay is logged as %+v", read.Deliveries[0])
	}

	bob.Get(deliveries).Refused(404, "no such app")
	bob.Post(deliveries+"/1/replay", nil).Refused(404, "no such app")
	ada.Post(deliveries+"/99/replay", nil).Refused(404, "no such deliveries")
	ada.Post(deliveries+"/replay", `{"from":3,"to":2}`).Refused(422, "body.to")
	removed := ada.Do("DELETE", fmt.Sprintf("/v1/conversations/%s/apps/%s", room, app.App.ID), nil).Want(204)
	taken(h, removed.Position())
	ada.Post(deliveries+"/1/replay", nil).Refused(404, "may be told")
	ada.Do("DELETE", "/v1/apps/"+app.App.ID.String()+"/webhook", nil).Want(204)
}

// taken returns when the engine has passed a position.
func taken(h *handlertest.House, position string) {
	h.Helper()
	var at uint64
	if _, err := fmt.Sscan(position, &at); err != nil {
		h.Fatal(err)
	}
	if err := h.Options.Webhooks.Passed(h.Context(), events.Position(at)); err != nil {
		h.Fatal(err)
	}
}

func TestRetractedMessagesAreNotToldLate(t *testing.T) {
	h := open(t)
	at := receive(t, nil)
	ada := h.Person("ada")
	app := bring(ada, at, events.MessagesField)
	room := ada.Start("group", h.Person("bob"))
	install(ada, room, app)
	ada.Say(room, "a slip")
	at.next()
	ada.Do("DELETE", fmt.Sprintf("/v1/conversations/%s/messages/0", room), nil).Want(204)
	at.next()
	settled(h, ada, app)
	ada.Post("/v1/apps/"+app.App.ID.String()+"/deliveries/1/replay", nil).Want(200)
	if again := at.next(); !again.Message.IsDeleted || again.Message.Text != "" {
		t.Errorf("told late: %+v", again.Message)
	}
}
