package handlers_test

import (
	"testing"

	"github.com/google/uuid"

	"parley/events"
	"parley/events/decide"
	"parley/handlers/handlertest"
)

// TestAgentsSeeToWhoAnswers: they take threads over and hand them on, and hear
// of it live; the customer does not.
func TestAgentsSeeToWhoAnswers(t *testing.T) {
	h := handlertest.Open(t)
	owner, customer, rival := h.Person("owner"), h.Person("customer"), h.Person("rival")
	b := openBusiness(t, owner, customer, rival)
	path := "/v1/conversations/" + b.conversation.String() + "/control"
	type control struct {
		App            *struct{ ID uuid.UUID }
		Requests, Apps []struct{ ID uuid.UUID }
	}
	read := func(answer *handlertest.Answer) (c control) {
		t.Helper()
		answer.Want(200).Into(&c)
		return c
	}
	if c := read(owner.Get(path)); c.App != nil || len(c.Apps) != 0 || c.Requests == nil {
		t.Errorf("without apps: %+v", c)
	}
	first, second := bringApp(h, owner).App.ID, bringApp(h, owner).App.ID
	for _, app := range []uuid.UUID{first, second} {
		owner.Do("PUT", "/v1/merchants/"+b.merchant.String()+"/apps/"+app.String(), nil).Want(200)
	}
	h.CatchUp()
	thread, all, customers := owner.Stream(streamOf(b.conversation), ""), owner.Stream(inbox, ""), customer.Stream(streamOf(b.conversation), "")
	if c := read(owner.Get(path)); c.App == nil || c.App.ID != first || len(c.Apps) != 2 {
		t.Errorf("at first it is %+v", c)
	}
	_, err := h.Commands.RequestThread(t.Context(), events.Cause{}, b.conversation, decide.Handing{App: second})
	if err != nil {
		t.Fatal(err)
	}
	thread.Want("control")
	all.Want("control")
	if c := read(owner.Get(path)); len(c.Requests) != 1 || c.Requests[0].ID != second {
		t.Errorf("asked for, it is %+v", c)
	}
	taken := owner.Do("PUT", path, `{"appId":null}`)
	if c := read(taken); c.App != nil || len(c.Requests) != 0 || taken.Position() == "" {
		t.Errorf("taken, it is %+v", c)
	}
	thread.Want("control")
	if again := owner.Do("PUT", path, `{"appId":null}`).Want(200); again.Position() != taken.Position() {
		t.Errorf("taken again at %s, at first at %s", again.Position(), taken.Position())
	}
	if c := read(owner.Do("PUT", path, `{"appId":"`+second.String()+`"}`)); c.App == nil || c.App.ID != second {
		t.Errorf("handed on, it is %+v", c)
	}

	owner.Do("PUT", path, `{}`).Refused(422, "appId")
	owner.Do("PUT", path, `{"appId":"`+b.order.String()+`"}`).Refused(422, "appId")
	owner.Do("PUT", path, `{"appId":"seven"}`).Refused(422, "appId")
	customer.Get(path).Refused(403, "agents")
	customer.Do("PUT", path, `{"appId":null}`).Refused(403, "agents")
	rival.Get(path).Refused(404, "no such conversation")
	rival.Do("PUT", path, `{"appId":null}`).Refused(404, "no such conversation")
	owner.Get("/v1/conversations/"+owner.Start("group", rival).String()+"/control").Refused(403, "agents")
	owner.Say(b.conversation, "I am here.")
	customers.Want("message") // and nothing before it
}
