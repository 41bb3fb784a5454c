package messenger_test

import (
	"encoding/json"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/uuid"

	"parley/events"
	"parley/events/commands"
	"parley/events/decide"
	"parley/handlers"
	"parley/handlers/handlertest"
	"parley/handlers/messenger"
	"parley/projections"
)

// world is a shop that a bot speaks for, its customer, and a group that the
// bot is in as itself.
type world struct {
	*handlertest.House
	agent, customer *handlertest.Client
	shop            uuid.UUID
	bot             bot
	// page and own are how the bot speaks: as the shop, and as itself.
	page, own *caller
	thread    uuid.UUID
	group     uuid.UUID
}

// bot is an app as its owner was answered.
type bot struct {
	App           projections.App
	Secret, Token string
}

// caller calls the API with a token.
type caller struct {
	*world
	token string
	// to is the customer, as this page knows them.
	to string
}

// local lets the server fetch files from this machine.
func local(o *handlers.Options) { o.Outbound = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")} }

func newWorld(t testing.TB, changes ...func(*handlers.Options)) *world {
	w := &world{House: handlertest.Open(t, append(changes, local)...)}
	w.agent, w.customer = w.Person("agent"), w.Person("customer")
	var merchant struct{ ID uuid.UUID }
	w.agent.Post("/v1/merchants", map[string]string{"name": "Tea & Co."}).Want(201).Into(&merchant)
	w.shop = merchant.ID
	w.customer.Post("/v1/merchants/"+w.shop.String()+"/customers", `{"consent":"yes"}`).Want(201)
	w.thread = events.BusinessID(w.shop, w.customer.User.ID)
	w.bot = w.newBot("Bot")
	w.page = w.connect(w.bot)
	w.group = w.agent.Start("group", w.customer)
	w.own = w.install(w.bot)
	return w
}

func (w *world) newBot(name string) (b bot) {
	w.Helper()
	w.agent.Post("/v1/apps", map[string]any{"name": name, "grants": decide.AllGrants}).Want(201).Into(&b)
	return b
}

// connect lets a bot speak for the shop.
func (w *world) connect(b bot) *caller {
	w.Helper()
	var made struct{ PageAccessToken string }
	w.agent.Do("PUT", "/v1/merchants/"+w.shop.String()+"/apps/"+b.App.ID.String(), nil).Want(200).Into(&made)
	return &caller{w, made.PageAccessToken, w.customer.User.ID.String()}
}

// install installs a bot in the group, with all that it asks for but what is
// missing.
func (w *world) install(b bot, missing ...events.Grant) *caller {
	w.Helper()
	var grants []events.Grant
	for _, grant := range decide.AllGrants {
		if len(missing) == 0 || grant != missing[0] {
			grants = append(grants, grant)
		}
	}
	w.agent.Do("PUT", "/v1/conversations/"+w.group.String()+"/apps/"+b.App.ID.String(), map[string]any{"grants": grants}).Want(204)
	psid := messenger.PSID(commands.Page{App: b.App.ID}, messenger.Person{Conversation: w.group, User: w.customer.User.ID})
	return &caller{w, b.Token, psid}
}

// call calls the API; in the path and body, TO is the customer.
func (c *caller) call(method, path string, body any) *handlertest.Answer {
	c.Helper()
	if text, ok := body.(string); ok {
		body = strings.ReplaceAll(text, "TO", c.to)
	}
	path = strings.ReplaceAll(path, "TO", c.to)
	mark := "?"
	if strings.Contains(path, "?") {
		mark = "&"
	}
	return c.Nobody().Do(method, path+mark+"access_token="+c.token, body)
}

// send sends a message, given as JSON, and returns what it is shown as.
func (c *caller) send(message string) projections.Message {
	c.Helper()
	var answer struct {
		RecipientID string `json:"recipient_id"`
		MessageID   string `json:"message_id"`
	}
	c.call("POST", "/v2.6/me/messages", `{"recipient":{"id":"TO"},"messaging_type":"RESPONSE","message":`+message+`}`).Want(200).Into(&answer)
	if answer.RecipientID != c.to {
		c.Errorf("the recipient is %q, want %q", answer.RecipientID, c.to)
	}
	return c.shown(answer.MessageID)
}

// shown is a message as the customer sees it.
func (c *caller) shown(mid string) (m projections.Message) {
	c.Helper()
	conversation, number, ok := messenger.ParseMID(mid)
	if !ok {
		c.Fatalf("%q is no message's id", mid)
	}
	c.CatchUp()
	text, err := c.Views.Conversations.MessageJSON(c.Context(), conversation, number)
	if err != nil {
		c.Fatal(err)
	}
	if err := json.Unmarshal(text, &m); err != nil {
		c.Fatal(err)
	}
	return m
}

// fault is what an error says.
type fault struct {
	Message, Type string
	Code          int
	Subcode       int    `json:"error_subcode"`
	Trace         string `json:"fbtrace_id"`
}

// refused checks that an answer is the platform's error with these codes, and
// that it says what is wrong.
func refused(t testing.TB, a *handlertest.Answer, code, subcode int, says string) {
	t.Helper()
	var body struct{ Error fault }
	a.Into(&body)
	f := body.Error
	if a.Status < 400 || a.Status >= 500 || f.Code != code || f.Subcode != subcode || f.Type != "OAuthException" || f.Trace == "" {
		t.Errorf("status %d, %+v; want code %d and subcode %d", a.Status, f, code, subcode)
	}
	if !strings.Contains(f.Message, says) {
		t.Errorf("the error %q does not speak of %q", f.Message, says)
	}
	if f.Trace != a.Header.Get("X-Request-Id") {
		t.Errorf("the trace %q is not the request's id %q", f.Trace, a.Header.Get("X-Request-Id"))
	}
}

// serveFile serves one file at /name and nothing else.
func serveFile(name string, body []byte) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/"+name {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write(body)
	})
}
