package handlers_test

import (
	"encoding/json"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"parley/events"
	"parley/events/decide"
	"parley/handlers"
	"parley/handlers/handlertest"
	"parley/projections"
)

const inbox = "/v1/stream"

func streamOf(room uuid.UUID) string { return "/v1/conversations/" + room.String() + "/stream" }

func into[T any](t *testing.T, event handlertest.Event) T {
	t.Helper()
	var value T
	if err := json.Unmarshal([]byte(event.Data), &value); err != nil {
		t.Fatalf("%s: %v", event.Data, err)
	}
	return value
}

func TestWhatHappensIsTold(t *testing.T) {
	h := handlertest.Open(t)
	ada, bob := h.Person("ada"), h.Person("bob")
	all := bob.Stream(inbox, "")
	room := ada.Start("group", bob)
	path := "/v1/conversations/" + room.String()
	joined := into[projections.ParticipantData](t, all.Want("participant"))
	if joined.UserID != bob.User.ID || joined.Change != "joined" || joined.Conversation == nil || len(joined.Conversation.Participants) != 2 {
		t.Errorf("who joined was told %+v", joined)
	}
	talk := ada.Stream(streamOf(room), "")
	said := ada.Say(room, "héllo\n\"there\"")
	for _, stream := range []*handlertest.Stream{all, talk} {
		told := stream.Want("message")
		if told.Data != string(said.Body) || told.ID != said.Position() {
			t.Errorf("told %+v, posted %s at %s", told, said.Body, said.Position())
		}
	}
	bob.Do("PUT", path+"/read", `{"upTo":0}`).Want(204)
	receipt := into[projections.ReceiptData](t, talk.Want("receipt"))
	if receipt.ConversationID != room || receipt.UserID != bob.User.ID || *receipt.ReadUpTo != 0 || *receipt.DeliveredUpTo != 0 {
		t.Errorf("the receipt is %+v", receipt)
	}
	all.Want("receipt")
	ada.Do("PATCH", path, `{"title":"Engines"}`).Want(204)
	if shown := into[projections.ConversationData](t, all.Want("conversation")); shown.Title != "Engines" || shown.ConversationID != room {
		t.Errorf("the conversation is %+v", shown)
	}
	talk.Want("conversation")
	ada.Do("PUT", path+"/participants/"+bob.User.ID.String()+"/role", `{"role":"admin"}`).Want(204)
	if p := into[projections.ParticipantData](t, all.Want("participant")); p.Change != "role" || *p.Role != events.Admin || p.JoinedAt == nil || p.Conversation != nil {
		t.Errorf("the participant is %+v", p)
	}
	talk.Want("participant")
	other := bob.Start("group")
	all.Want("participant")
	bob.Say(other, "to myself")
	if m := into[projections.Message](t, all.Want("message")); m.ConversationID != other {
		t.Errorf("of another conversation: %+v", m)
	}
	ada.Say(room, "again")
	talk.Want("message")
}

func TestWhoLeavesLosesTheStream(t *testing.T) {
	h := handlertest.Open(t)
	ada, bob, cyd := h.Person("ada"), h.Person("bob"), h.Person("cyd")
	room := ada.Start("group", bob, cyd)
	participants := "/v1/conversations/" + room.String() + "/participants/"
	h.CatchUp()
	adas, all, talk := ada.Stream(streamOf(room), ""), bob.Stream(inbox, ""), bob.Stream(streamOf(room), "")
	cyds := cyd.Stream(streamOf(room), "")

	ada.Do("DELETE", participants+bob.User.ID.String(), nil).Want(204)
	ada.Say(room, "he is gone")
	for _, stream := range []*handlertest.Stream{adas, all, talk} {
		gone := into[projections.ParticipantData](t, stream.Want("participant"))
		if gone.UserID != bob.User.ID || gone.Change != "left" || gone.Conversation != nil {
			t.Errorf("told of %+v", gone)
		}
	}
	talk.WantEnd("left")
	adas.Want("message")
	bob.Get(streamOf(room)).Refused(404, "")
	bob.Say(bob.Start("group"), "alone")
	all.Want("participant")
	if m := into[projections.Message](t, all.Want("message")); m.Text != "alone" {
		t.Errorf("who left is told %+v", m)
	}
	cyds.Want("participant")
	cyds.Want("message")
	cyd.Do("DELETE", participants+cyd.User.ID.String(), nil).Want(204)
	cyds.Want("participant")
	cyds.WantEnd("left")
}

// TestWhoIsBlockedLosesTheStream of the direct conversation, and no other.
func TestWhoIsBlockedLosesTheStream(t *testing.T) {
	h := handlertest.Open(t)
	ada, bob := h.Person("ada"), h.Person("bob")
	direct, group := ada.Start("direct", bob), ada.Start("group", bob)
	h.CatchUp()
	talk, own, both := bob.Stream(streamOf(direct), ""), ada.Stream(streamOf(direct), ""), bob.Stream(streamOf(group), "")
	block := "/v1/users/" + bob.User.ID.String() + "/block"
	ada.Do("PUT", block, nil).Want(204)
	talk.WantEnd("closed")
	bob.Get(streamOf(direct)).Refused(403, "cannot be written to")
	ada.Say(group, "here we still are")
	both.Want("message")
	ada.Do("DELETE", block, nil).Want(204)
	again := bob.Stream(streamOf(direct), "")
	ada.Say(direct, "hello again")
	again.Want("message")
	own.Want("message")
}

func TestStreamsThatCannotBegin(t *testing.T) {
	h := handlertest.Open(t)
	ada, bob := h.Person("ada"), h.Person("bob")
	room := ada.Start("group")
	h.CatchUp()
	for _, id := range []string{"x", "-1", "1.5", "9007199254740992", "99999999999999999999"} {
		ada.Get(inbox, "Last-Event-ID", id).Refused(422, "header.Last-Event-ID")
	}
	ada.Get(inbox, "Parley-Position", "soon").Refused(422, "header.Parley-Position")
	ada.Get("/v1/conversations/room/stream").Refused(422, "path.id")
	bob.Get(streamOf(room)).Refused(404, "")
	bob.Get(streamOf(uuid.New()), "Last-Event-ID", "0").Refused(404, "")
	bob.Get(streamOf(room), "Last-Event-ID", "0").Refused(404, "")
	ada.Do("HEAD", streamOf(room), nil).Want(200)
	ada.Do("POST", inbox, `{}`).Refused(405, "")
	if h.Feed.Hub().Online(ada.User.ID) || h.Feed.Hub().Online(bob.User.ID) {
		t.Error("a stream that did not begin is still there")
	}
}

func TestStreamsAreBounded(t *testing.T) {
	h := handlertest.Open(t)
	h.Feed.Hub().Streams = 2
	ada := h.Person("ada")
	first := ada.Stream(inbox, "")
	ada.Stream(inbox, "")
	ada.Get(inbox).Refused(429, "streams")
	h.Person("bob").Stream(inbox, "")
	first.Close()
	for ada.Get(inbox).Status == 429 { // until the server has noticed
		continue
	}
}

func TestSilentStreamsHaveAHeartbeat(t *testing.T) {
	h := handlertest.Open(t, func(o *handlers.Options) { o.Limits.Heartbeat = time.Millisecond })
	ada := h.Person("ada")
	stream := ada.Stream(inbox, "")
	for stream.Heartbeats < 3 {
		if event, err := stream.Read(); err != nil || event.Name != "" {
			t.Fatalf("%+v, %v", event, err)
		}
	}
	ada.Start("group")
	stream.Want("participant")
}

func TestStreamsEndWithTheirToken(t *testing.T) {
	h := handlertest.Open(t)
	ada := h.Person("ada")
	with := func(ttl time.Duration) *handlertest.Client {
		t.Helper()
		token, err := h.Tokens.Issue(ada.User.ID.String(), nil, ttl)
		if err != nil {
			t.Fatal(err)
		}
		return h.With(token.Token)
	}
	short, revoked, other := with(time.Second), with(time.Hour), with(time.Hour)
	expires, ends, stays := short.Stream(inbox, ""), revoked.Stream(inbox, ""), other.Stream(inbox, "")
	revoked.Post(revocations, `{}`).Want(204)
	ends.WantEnd("token-revoked")
	expires.WantEnd("token-expired")
	ada.Start("group")
	stays.Want("participant")
	h.Clock.Advance(time.Minute)
	h.Scoped(handlers.Operator).Post(revocations, map[string]string{"userId": ada.User.ID.String()}).Want(204)
	stays.WantEnd("token-revoked")
}

func TestDrainEndsStreams(t *testing.T) {
	h := handlertest.Open(t)
	ada := h.Person("ada")
	room := ada.Start("group")
	h.CatchUp()
	streams := []*handlertest.Stream{ada.Stream(inbox, ""), ada.Stream(streamOf(room), "")}
	h.Server.Drain()
	for _, stream := range streams {
		stream.WantEnd("shutdown")
	}
	ada.Get(inbox).Refused(503, "")
	ada.Say(room, "requests are still answered")
}

// TestADismissedAgentLosesTheStream has an agent read a conversation, also from
// its beginning, until they no longer act for its merchant.
func TestADismissedAgentLosesTheStream(t *testing.T) {
	h := handlertest.Open(t)
	owner, agent, customer := h.Person("owner"), h.Person("agent"), h.Person("customer")
	cause := events.Cause{Actor: "operator"}
	registered, err := h.Commands.RegisterMerchant(t.Context(), cause, decide.MerchantRegistration{Merchant: uuid.New(), Name: "Shop", Owners: []uuid.UUID{owner.User.ID}})
	if err != nil {
		t.Fatal(err)
	}
	shop := registered[0].Fact.(*events.MerchantRegistered).Merchant
	if _, err := h.Commands.AddAgent(t.Context(), cause, shop, owner.User.ID, agent.User.ID, events.PlainAgent); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Commands.LinkCustomer(t.Context(), cause, shop, decide.Consent{Customer: customer.User.ID, Text: "Yes", Source: decide.FromCheckout}); err != nil {
		t.Fatal(err)
	}
	started, _, err := h.Commands.StartBusiness(t.Context(), cause, shop, customer.User.ID, owner.User.ID)
	if err != nil {
		t.Fatal(err)
	}
	room := started.Fact.(*events.ConversationStarted).Conversation
	customer.Say(room, "Is it in stock?")
	h.CatchUp()
	talk, stays := agent.Stream(streamOf(room), "0"), owner.Stream(streamOf(room), "")
	talk.Want("participant")
	talk.Want("message")
	if _, err := h.Commands.RemoveAgent(t.Context(), cause, shop, owner.User.ID, agent.User.ID); err != nil {
		t.Fatal(err)
	}
	talk.WantEnd("left")
	customer.Say(room, "Hello?")
	stays.Want("message")
}

// TestOnesOwnDevicesAreTold: what somebody keeps for themselves, and how far
// they have read, is told to their other devices, and the former to nobody else.
func TestOnesOwnDevicesAreTold(t *testing.T) {
	h := handlertest.Open(t)
	ada, bob := h.Person("ada"), h.Person("bob")
	room := ada.Start("group", bob)
	ada.Say(room, "hello")
	h.CatchUp()
	began := strconv.FormatUint(uint64(h.Node.Tip()), 10)
	phone, talk, others := bob.Stream(inbox, ""), bob.Stream(streamOf(room), ""), ada.Stream(inbox, "")
	path := "/v1/conversations/" + room.String()
	want := []projections.PreferenceData{
		{ConversationID: room, UserID: bob.User.ID, Muted: true},
		{ConversationID: room, UserID: bob.User.ID, Muted: true, Archived: true},
		{ConversationID: room, UserID: bob.User.ID, Archived: true},
		{ConversationID: room, UserID: bob.User.ID},
	}
	for i, change := range [][2]string{{"PUT", "/mute"}, {"PUT", "/archive"}, {"DELETE", "/mute"}, {"DELETE", "/archive"}} {
		var body any
		if change == [2]string{"PUT", "/mute"} {
			body = `{}`
		}
		bob.Do(change[0], path+change[1], body).Want(204)
		for _, device := range []*handlertest.Stream{phone, talk} {
			if diff := cmp.Diff(want[i], into[projections.PreferenceData](t, device.Want("preference"))); diff != "" {
				t.Errorf("%v (-want +told):\n%s", change, diff)
			}
		}
	}
	bob.Do("PUT", path+"/read", `{"upTo":0}`).Want(204)
	for _, device := range []*handlertest.Stream{phone, talk, others} { // which tell the others of nothing before
		if r := into[projections.ReceiptData](t, device.Want("receipt")); r.UserID != bob.User.ID || r.ReadUpTo == nil {
			t.Errorf("the receipt is %+v", r)
		}
	}
	for who, count := range map[*handlertest.Client]int{bob: 5, ada: 1} {
		var page projections.Sync
		if who.Get("/v1/sync?after=" + began).Want(200).Into(&page); len(page.Events) != count {
			t.Errorf("who comes back is told %+v, want %d events", page.Events, count)
		}
	}
}
