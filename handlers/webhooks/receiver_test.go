package webhooks_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"

	"github.com/google/uuid"

	"parley/events"
	"parley/events/decide"
	"parley/handlers"
	"parley/handlers/handlertest"
	"parley/handlers/webhooks"
	"parley/projections"
)

// told is the body of a delivery.
type told struct {
	Object string
	Entry  []struct {
		ID        string
		Time      int64
		Messaging []json.RawMessage
		Standby   []json.RawMessage
	}
}

// item is what a delivery tells.
type item struct {
	Sender, Recipient struct{ ID string }
	Timestamp         int64
	EventID           uuid.UUID `json:"event_id"`
	Message           *struct {
		MID, Text   string
		ReplyTo     *struct{ MID string }     `json:"reply_to"`
		QuickReply  *struct{ Payload string } `json:"quick_reply"`
		Attachments []struct {
			Type, Title string
			Payload     struct {
				URL          string
				TemplateType string `json:"template_type"`
			}
		}
		IsEcho    bool   `json:"is_echo"`
		AppID     string `json:"app_id"`
		IsDeleted bool   `json:"is_deleted"`
	}
	Edit           *struct{ MID, Text string } `json:"message_edit"`
	Reaction       *struct{ Reaction, Emoji, Action, MID string }
	Read, Delivery *struct {
		MIDs      []string
		Watermark int64
	}
	Optin    *struct{ Ref string }
	Postback *struct{ MID, Title, Payload string }
	Order    *struct{ Type string }
	Roles    map[string][]string `json:"app_roles"`
	Pass     *handed             `json:"pass_thread_control"`
	Take     *handed             `json:"take_thread_control"`
	Request  *handed             `json:"request_thread_control"`

	// standby: it came under that name.
	standby bool
}

// handed is what is told of a thread that changes hands.
type handed struct {
	Previous  string `json:"previous_owner_app_id"`
	New       string `json:"new_owner_app_id"`
	Requested string `json:"requested_owner_app_id"`
	Metadata  string
}

// receiver is a bot's address.
type receiver struct {
	testing.TB
	URL string
	// answer decides what a delivery is answered with; nil means 200.
	answer func(item) int
	secret string
	items  chan item
}

// receive listens on this machine and checks each delivery's form and both its
// signatures.
func receive(t testing.TB, answer func(item) int) *receiver {
	t.Helper()
	r := &receiver{TB: t, answer: answer, items: make(chan item, 10_000)}
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	r.URL = server.URL
	return r
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	if challenge := request.URL.Query().Get("hub.challenge"); request.Method == http.MethodGet {
		fmt.Fprint(w, challenge)
		return
	}
	body, err := io.ReadAll(request.Body)
	if err != nil {
		return // the sender has gone
	}
	old, current := webhooks.Signatures(r.secret, body)
	if request.Header.Get("X-Hub-Signature") != old || request.Header.Get("X-Hub-Signature-256") != current {
		r.Errorf("the signatures %q, %q do not vouch for %s", request.Header.Get("X-Hub-Signature"), request.Header.Get("X-Hub-Signature-256"), body)
	}
	one := r.read(body)
	if id := request.Header.Get("X-Parley-Event"); id != one.EventID.String() {
		r.Errorf("X-Parley-Event is %q of %s", id, body)
	}
	status := http.StatusOK
	if r.answer != nil {
		status = r.answer(one)
	}
	w.WriteHeader(status)
	if status == http.StatusOK {
		r.items <- one
	}
}

func (r *receiver) read(body []byte) (one item) {
	var delivery told
	if err := json.Unmarshal(body, &delivery); err != nil || delivery.Object != "page" || len(delivery.Entry) != 1 || delivery.Entry[0].Time == 0 {
		r.Errorf("a delivery of another form: %s", body)
		return one
	}
	items := append(delivery.Entry[0].Messaging, delivery.Entry[0].Standby...)
	if len(items) != 1 {
		r.Errorf("a delivery of %d items: %s", len(items), body)
		return one
	}
	if err := json.Unmarshal(items[0], &one); err != nil || one.Recipient.ID == "" || one.Timestamp == 0 {
		r.Errorf("an item of another form: %s: %v", items[0], err)
	}
	one.standby = len(delivery.Entry[0].Standby) > 0
	return one
}

// next is the next delivery that was taken.
func (r *receiver) next() item {
	r.Helper()
	select {
	case one := <-r.items:
		return one
	case <-time.After(30 * time.Second):
		r.Fatal("no delivery came")
		return item{}
	}
}

// bot is an app with a webhook.
type bot struct {
	App    projections.App
	Secret string
	Token  string
}

// loopback lets a house reach receivers of this machine.
func loopback(o *handlers.Options) {
	o.Outbound = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
}

// open boots a house that may reach this machine, and delivers.
func open(t testing.TB) *handlertest.House {
	t.Helper()
	h := handlertest.Open(t, loopback)
	h.Deliver()
	return h
}

// bring registers an app of the owner's and has the receiver told of fields.
func bring(owner *handlertest.Client, at *receiver, fields ...events.WebhookField) bot {
	at.Helper()
	var b bot
	owner.Post("/v1/apps", map[string]any{"name": "Bot", "grants": decide.AllGrants}).Want(201).Into(&b)
	at.secret = b.Secret
	configure(owner, b, at, fields...)
	return b
}

func configure(owner *handlertest.Client, b bot, at *receiver, fields ...events.WebhookField) {
	at.Helper()
	owner.Do("PUT", "/v1/apps/"+b.App.ID.String()+"/webhook", map[string]any{"url": at.URL, "verifyToken": "v", "fields": fields}).Want(200)
}

func install(c *handlertest.Client, room uuid.UUID, b bot, grants ...events.Grant) {
	body := map[string]any{}
	if grants != nil {
		body["grants"] = grants
	}
	c.Do("PUT", fmt.Sprintf("/v1/conversations/%s/apps/%s", room, b.App.ID), body).Want(204)
}

// conversationOf is the only conversation that somebody has.
func conversationOf(h *handlertest.House, who *handlertest.Client) uuid.UUID {
	h.Helper()
	h.CatchUp()
	var inbox struct{ Conversations []projections.Conversation }
	who.Get("/v1/conversations").Want(200).Into(&inbox)
	if len(inbox.Conversations) != 1 {
		h.Fatalf("%d conversations", len(inbox.Conversations))
	}
	return inbox.Conversations[0].ID
}
