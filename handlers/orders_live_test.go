package handlers_test

import (
	"encoding/json"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/handlers/handlertest"
	"parley/projections"
)

// orderTold reads an order's update and the message that tells of it.
func orderTold(t *testing.T, s *handlertest.Stream) projections.OrderData {
	t.Helper()
	var order projections.OrderData
	if err := json.Unmarshal([]byte(s.Want("order").Data), &order); err != nil {
		t.Fatal(err)
	}
	s.Want("message")
	return order
}

func TestOrdersAreToldLive(t *testing.T) {
	h := handlertest.Open(t)
	owner, customer, rival := h.Person("owner"), h.Person("customer"), h.Person("rival")
	b := openBusiness(t, owner, customer, rival)
	h.CatchUp()
	began := strconv.FormatUint(uint64(h.Node.Tip()), 10)
	thread := streamOf(b.conversation)
	streams := map[string]*handlertest.Stream{
		"the customer's thread": customer.Stream(thread, ""),
		"the customer's inbox":  customer.Stream(inbox, ""),
		"the agent's thread":    owner.Stream(thread, ""),
		"the agent's inbox":     owner.Stream(inbox, ""),
	}
	update := func(body string) {
		t.Helper()
		owner.Post("/v1/orders/"+b.order.String()+"/updates", body).Want(201)
	}
	update(`{"type":"confirmed"}`)
	update(`{"type":"shipped","carrier":"CTT","trackingNumber":"T1"}`)
	resumeAt := ""
	for name, stream := range streams {
		if got := orderTold(t, stream); got.ID != b.order || got.ConversationID != b.conversation || got.Total != 5614 {
			t.Errorf("%s has %+v", name, got)
		}
		resumeAt = stream.LastID
		if got := orderTold(t, stream); got.Status != "shipped" || got.TrackingNumber != "T1" {
			t.Errorf("%s has %+v", name, got)
		}
		stream.Close()
	}
	update(`{"type":"delivered"}`)
	h.CatchUp()
	for name, stream := range map[string]*handlertest.Stream{
		"the customer's thread": customer.Stream(thread, resumeAt),
		"the customer's inbox":  customer.Stream(inbox, resumeAt),
		"the agent's thread":    owner.Stream(thread, resumeAt),
		"the agent's inbox":     owner.Stream(inbox, resumeAt),
	} {
		for range 2 {
			if got := orderTold(t, stream); got.Status != "delivered" {
				t.Errorf("%s, resumed, has %+v", name, got)
			}
		}
	}
	rival.Get(thread).Want(404)

	var page projections.Sync
	for name, reader := range map[string]*handlertest.Client{"the customer": customer, "the agent": owner} {
		reader.Get("/v1/sync?after=" + began).Want(200).Into(&page)
		var names []string
		for _, event := range page.Events {
			names = append(names, event.Name)
		}
		if want := []string{"order", "message", "order", "message", "order", "message"}; !cmp.Equal(names, want) {
			t.Errorf("%s synchronises %v", name, names)
		}
	}
	rival.Get("/v1/sync?after=" + began).Want(200).Into(&page)
	if len(page.Events) != 0 {
		t.Errorf("another merchant's agent synchronises %+v", page.Events)
	}
}

// TestAgentsReadTheThreadsOfTheirMerchant: they are in no conversation of their
// own, and lose the stream with their post.
func TestAgentsReadTheThreadsOfTheirMerchant(t *testing.T) {
	h := handlertest.Open(t)
	owner, customer, rival, agent := h.Person("owner"), h.Person("customer"), h.Person("rival"), h.Person("agent")
	b := openBusiness(t, owner, customer, rival)
	agents := "/v1/merchants/" + b.merchant.String() + "/agents"
	owner.Post(agents, map[string]any{"userId": agent.User.ID}).Want(204)
	h.CatchUp()
	began := strconv.FormatUint(uint64(h.Node.Tip()), 10)
	stream, all, rivals := agent.Stream(streamOf(b.conversation), ""), agent.Stream(inbox, ""), rival.Stream(inbox, "")
	customer.Say(b.conversation, "is anybody there?")
	stream.Want("message")
	all.Want("message")
	var missed projections.Sync
	agent.Get("/v1/sync?after=0").Want(200).Into(&missed)
	if len(missed.Events) != 1 || missed.Events[0].Name != projections.MessageChange {
		t.Errorf("who became an agent missed %+v", missed.Events)
	}
	var threads projections.Inbox
	agent.Get("/v1/merchants/" + b.merchant.String() + "/conversations").Want(200).Into(&threads)
	if len(threads.Conversations) != 1 || threads.Conversations[0].ID != b.conversation || threads.Conversations[0].LastMessage.Text != "is anybody there?" {
		t.Errorf("the merchant's threads are %+v", threads)
	}
	customer.Post("/v1/conversations/"+b.conversation.String()+"/cases", map[string]any{"subject": "a dent"}).Want(201)
	stream.Want("case")
	all.Want("case")
	owner.Do("DELETE", agents+"/"+agent.User.ID.String(), nil).Want(204)
	stream.WantEnd("left")
	// Those who are not agents any more, or of somebody else, are told nothing of
	// what is said now, but what is said to them.
	customer.Say(b.conversation, "my card's number is 1234")
	for _, silent := range []struct {
		reader *handlertest.Client
		stream *handlertest.Stream
	}{{agent, all}, {rival, rivals}} {
		owner.Post("/v1/conversations", map[string]any{"kind": "direct", "participants": []any{silent.reader.User.ID}}).Want(201)
		silent.stream.Want("participant")
		silent.reader.Get("/v1/sync?after=" + began).Want(200).Into(&missed)
		for _, event := range missed.Events {
			if event.ConversationID == b.conversation {
				t.Errorf("%s was told %+v", silent.reader.User.Handle, event)
			}
		}
	}
	agent.Get(streamOf(b.conversation)).Want(404)
	agent.Get("/v1/merchants/" + b.merchant.String() + "/conversations").Want(404)
}
