package webhooks_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/google/uuid"

	"parley/events"
	"parley/events/decide"
	"parley/handlers/handlertest"
	"parley/handlers/messenger"
)

// desk is a merchant with a customer, for whom bots speak.
type desk struct {
	*handlertest.House
	seller, buyer *handlertest.Client
	merchant      uuid.UUID
	room          uuid.UUID
}

func newDesk(t *testing.T) *desk {
	h := open(t)
	d := &desk{House: h, seller: h.Person("seller"), buyer: h.Person("buyer")}
	var merchant struct{ ID uuid.UUID }
	d.seller.Post("/v1/merchants", `{"name":"Tents"}`).Want(201).Into(&merchant)
	d.merchant = merchant.ID
	d.buyer.Post("/v1/merchants/"+d.merchant.String()+"/customers", `{"consent":"yes"}`).Want(201)
	d.room = events.BusinessID(d.merchant, d.buyer.User.ID)
	return d
}

// speaker is a bot that speaks for the merchant.
type speaker struct {
	*desk
	*receiver
	bot
	token string
}

// employ lets a new bot speak, and waits until it is told so.
func (d *desk) employ() *speaker {
	d.Helper()
	at := receive(d, nil)
	s := &speaker{desk: d, receiver: at, bot: bring(d.seller, at, decide.AllWebhookFields...)}
	var made struct{ PageAccessToken string }
	d.seller.Do("PUT", fmt.Sprintf("/v1/merchants/%s/apps/%s", d.merchant, s.App.ID), nil).Want(200).Into(&made)
	s.token = made.PageAccessToken
	if roles := s.next().Roles; len(roles) != 1 {
		d.Fatalf("connecting is told as %v", roles)
	}
	return s
}

// call asks the Messenger Platform's API, where TO is the customer.
func (s *speaker) call(method, path, body string) *handlertest.Answer {
	s.desk.Helper()
	return s.Nobody().Do(method, path+"?access_token="+s.token, json.RawMessage(body)).Want(200)
}

// tell sends the customer a message, and returns its number.
func (s *speaker) tell(message string) uint64 {
	s.desk.Helper()
	var sent struct {
		MID string `json:"message_id"`
	}
	s.call("POST", "/me/messages", fmt.Sprintf(`{"recipient":{"id":"%s"},"message":%s}`, s.buyer.User.ID, message)).Into(&sent)
	_, number, _ := messenger.ParseMID(sent.MID)
	if echo := s.next(); echo.Message == nil || !echo.Message.IsEcho || echo.Message.MID != sent.MID {
		s.desk.Fatalf("the echo of %s is %+v", sent.MID, echo)
	}
	return number
}

// press presses a button, of a message or of what the page offers always.
func (d *desk) press(number *uint64, payload string) {
	d.Helper()
	d.buyer.Post(fmt.Sprintf("/v1/conversations/%s/buttons", d.room), map[string]any{"number": number, "payload": payload}).Want(201)
}

const buttons = `{"attachment":{"type":"template","payload":{"template_type":"button","text":"Which?","buttons":[{"type":"postback","title":"Big","payload":"BIG"}]}}}`

func TestWhatPeopleChooseIsDelivered(t *testing.T) {
	d := newDesk(t)
	bot := d.employ()
	bot.call("POST", "/me/messenger_profile", `{"get_started":{"payload":"GO"}}`)
	d.press(nil, "GO")
	if one := bot.next(); one.Postback == nil || one.Postback.Payload != "GO" || one.Postback.MID != "" || one.Sender.ID != d.buyer.User.ID.String() || one.Recipient.ID != d.merchant.String() {
		t.Errorf("get started came as %+v: %+v", one, one.Postback)
	}
	asked := bot.tell(buttons)
	d.press(&asked, "BIG")
	if one := bot.next(); one.Postback == nil || one.Postback.Payload != "BIG" || one.Postback.Title != "Big" || one.Postback.MID != messenger.MID(d.room, asked) {
		t.Errorf("a press came as %+v: %+v", one, one.Postback)
	}
	asked = bot.tell(`{"text":"Green or blue?","quick_replies":[{"content_type":"text","title":"Green","payload":"G"},{"content_type":"text","title":"Blue","payload":"B"}]}`)
	d.buyer.Post(fmt.Sprintf("/v1/conversations/%s/messages", d.room), map[string]any{"quickReply": map[string]any{"number": asked, "payload": "B"}}).Want(201)
	if one := bot.next(); one.Message == nil || one.Message.Text != "Blue" || one.Message.QuickReply == nil || one.Message.QuickReply.Payload != "B" {
		t.Errorf("a quick reply came as %+v", one.Message)
	}
}

// TestThreadsChangeHands tells each app of what concerns it, and has only the
// one that has the thread answer: the others stand by.
func TestThreadsChangeHands(t *testing.T) {
	d := newDesk(t)
	first, second := d.employ(), d.employ()
	hand := func(by *speaker, verb, more string) {
		by.call("POST", "/me/"+verb, fmt.Sprintf(`{"recipient":{"id":"%s"},"metadata":"%s"%s}`, d.buyer.User.ID, verb, more))
	}
	ask := func(owner *speaker) {
		t.Helper()
		d.buyer.Say(d.room, "hello?")
		for _, s := range []*speaker{first, second} {
			if one := s.next(); one.Message == nil || one.standby != (s != owner) {
				t.Errorf("a message came as %+v", one)
			}
		}
	}
	ids := map[*speaker]string{first: first.App.ID.String(), second: second.App.ID.String()}
	ask(first)

	hand(second, "request_thread_control", "")
	if one := first.next(); one.standby || one.Request == nil || *one.Request != (handed{Requested: ids[second], Metadata: "request_thread_control"}) || one.Sender.ID != d.buyer.User.ID.String() {
		t.Errorf("a request came as %+v: %+v", one, one.Request)
	}
	hand(first, "pass_thread_control", `,"target_app_id":"`+ids[second]+`"`)
	if one := second.next(); one.standby || one.Pass == nil || *one.Pass != (handed{Previous: ids[first], New: ids[second], Metadata: "pass_thread_control"}) {
		t.Errorf("a thread came as %+v: %+v", one, one.Pass)
	}
	ask(second)
	asked := second.tell(buttons)
	echo := first.next()
	if !echo.standby || echo.Message == nil || echo.Message.AppID != ids[second] || echo.Message.Text != "" || len(echo.Message.Attachments) != 1 {
		t.Fatalf("the other's message came as %+v", echo)
	}
	if template := echo.Message.Attachments[0]; template.Type != "template" || template.Title != "Which?" || template.Payload.TemplateType != "button" {
		t.Errorf("its template came as %+v", template)
	}
	d.press(&asked, "BIG")
	for _, s := range []*speaker{first, second} {
		if one := s.next(); one.Postback == nil || one.standby != (s == first) {
			t.Errorf("a press came as %+v", one)
		}
	}
	hand(first, "take_thread_control", "")
	if one := second.next(); one.standby || one.Take == nil || *one.Take != (handed{Previous: ids[second], New: ids[first], Metadata: "take_thread_control"}) {
		t.Errorf("a thread's end came as %+v: %+v", one, one.Take)
	}
	ask(first)
	hand(first, "pass_thread_control", `,"target_app_id":"`+messenger.AppID(uuid.Nil)+`"`)
	ask(nil)

	// An agent sees to it, too.
	direct := func(to string) {
		d.seller.Do("PUT", "/v1/conversations/"+d.room.String()+"/control", `{"appId":`+to+`}`).Want(200)
	}
	direct(`"` + ids[first] + `"`)
	if one := first.next(); one.Pass == nil || *one.Pass != (handed{Previous: messenger.AppID(uuid.Nil), New: ids[first]}) {
		t.Errorf("handed by an agent, a thread came as %+v: %+v", one, one.Pass)
	}
	ask(first)
	direct("null")
	if one := first.next(); one.standby || one.Take == nil || *one.Take != (handed{Previous: ids[first], New: messenger.AppID(uuid.Nil)}) {
		t.Errorf("taken by an agent, a thread's end came as %+v: %+v", one, one.Take)
	}
	ask(nil)
}

// TestPagesAreToldOfWhatTheySubscribe has the page's fields limit what the
// webhook's would let through.
func TestPagesAreToldOfWhatTheySubscribe(t *testing.T) {
	d := newDesk(t)
	bot := d.employ()
	asked := bot.tell(buttons)
	say := func(text string) {
		t.Helper()
		d.buyer.Say(d.room, text)
		if one := bot.next(); one.Message == nil || one.Message.Text != text {
			t.Fatalf("%q was not next, but %+v", text, one)
		}
	}
	bot.call("POST", "/me/subscribed_apps", `{"subscribed_fields":["messages"]}`)
	d.press(&asked, "BIG")
	d.seller.Say(d.room, "an echo")
	say("what was pressed is not told")
	bot.call("POST", "/me/subscribed_apps", `{"subscribed_fields":["messages","messaging_postbacks"]}`)
	d.press(&asked, "BIG")
	if one := bot.next(); one.Postback == nil {
		t.Errorf("a press came as %+v", one)
	}
	bot.call("DELETE", "/me/subscribed_apps", `{}`)
	d.buyer.Say(d.room, "to nobody")
	bot.call("POST", "/me/subscribed_apps", `{"subscribed_fields":["messages"]}`)
	say("to the bot again")
}
