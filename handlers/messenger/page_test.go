package messenger_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"

	"parley/events"
	"parley/events/commands"
	"parley/handlers"
	"parley/handlers/handlertest"
	"parley/handlers/messenger"
)

func TestPeopleHaveProfiles(t *testing.T) {
	w := newWorld(t)
	w.CatchUp()
	for _, c := range []*caller{w.page, w.own} {
		var answer map[string]string
		c.call("GET", "/v2.12/TO?fields=first_name,last_name,profile_pic,locale,timezone,gender", nil).Want(200).Into(&answer)
		if answer["first_name"] != "The" || answer["last_name"] != "customer" || answer["id"] != c.to {
			t.Errorf("the profile is %v", answer)
		}
	}
	refused(t, w.page.call("GET", "/"+w.agent.User.ID.String(), nil), 100, 33, "does not exist")
	var me map[string]string
	w.page.call("GET", "/me", nil).Want(200).Into(&me)
	if me["name"] != "Tea & Co." || me["id"] != w.shop.String() {
		t.Errorf("the page is %v", me)
	}
}

func TestPagesHaveProfiles(t *testing.T) {
	w := newWorld(t)
	w.page.call("POST", "/me/messenger_profile", `{"greeting":[{"locale":"default","text":"Hello <you>"}],"get_started":{"payload":"GO"}}`).Want(200)
	var answer struct{ Data []map[string]any }
	w.page.call("GET", "/me/messenger_profile?fields=greeting,get_started,ice_breakers", nil).Want(200).Into(&answer)
	if len(answer.Data) != 1 || len(answer.Data[0]) != 2 || fmt.Sprint(answer.Data[0]["get_started"]) != "map[payload:GO]" {
		t.Errorf("the profile is %v", answer.Data)
	}
	w.customer.Post("/v1/conversations/"+w.thread.String()+"/buttons", `{"payload":"GO"}`).Want(201)
	w.page.call("DELETE", "/me/messenger_profile", `{"fields":["greeting","get_started"]}`).Want(200)
	w.page.call("GET", "/me/messenger_profile?fields=greeting", nil).Want(200).Into(&answer)
	if len(answer.Data) != 0 {
		t.Errorf("after its deletion the profile is %v", answer.Data)
	}
	for body, says := range map[string]string{
		`{}`: "body", `{"greeting":"Hi"}`: "greeting", `{"greeting":[{"text":"` + strings.Repeat("x", 161) + `"}]}`: "greeting[0].text",
		`{"get_started":{}}`: "get_started.payload", `{"whitelisted_domains":["ftp://x"]}`: "whitelisted_domains[0]", `{"persistent_menu":{}}`: "persistent_menu",
	} {
		refused(t, w.page.call("POST", "/me/messenger_profile", body), 100, 0, says)
	}
	refused(t, w.page.call("GET", "/me/messenger_profile?fields=shoes", nil), 100, 0, "shoes")
}

func TestAppsSubscribe(t *testing.T) {
	w := newWorld(t)
	subscribed := func() string {
		return string(w.page.call("GET", "/me/subscribed_apps", nil).Want(200).Body)
	}
	if got := subscribed(); got != `{"data":[]}` {
		t.Errorf("at first: %s", got)
	}
	w.page.call("POST", "/me/subscribed_apps?subscribed_fields=messages,messaging_postbacks,messages", nil).Want(200)
	if got := subscribed(); !strings.Contains(got, `"subscribed_fields":["messages","messaging_postbacks"]`) {
		t.Errorf("subscribed: %s", got)
	}
	w.page.call("DELETE", "/me/subscribed_apps", nil).Want(200)
	if got := subscribed(); got != `{"data":[]}` {
		t.Errorf("unsubscribed: %s", got)
	}
	refused(t, w.page.call("POST", "/me/subscribed_apps", `{"subscribed_fields":"a b"}`), 100, 0, "subscribed_fields")
}

// TestPagesAreHeldToTheirPeople has two pages of one app call 250 times: the
// shop has one customer, and the app's own page a group of two.
func TestPagesAreHeldToTheirPeople(t *testing.T) {
	w := newWorld(t, func(o *handlers.Options) { o.Limits.Rate = 10_000 })
	w.own.call("POST", "/me/messages", `{"recipient":{"id":"TO"},"message":{"text":"hello"}}`).Want(200)
	w.CatchUp()
	batch := `{"batch":[` + strings.TrimSuffix(strings.Repeat(`{"relative_url":"me"},`, 50), ",") + `]}`
	for c, most := range map[*caller]int{w.page: 200, w.own: 250} {
		count := make(map[int]int)
		for range 5 {
			var answers []struct{ Code int }
			c.call("POST", "/", batch).Want(200).Into(&answers)
			for _, answer := range answers {
				count[answer.Code]++
			}
		}
		if count[200] != most || count[200]+count[429] != 250 {
			t.Errorf("where %d calls are allowed, they were answered %v", most, count)
		}
	}
	refused(t, w.page.call("GET", "/me", nil), 613, 0, "200 a day")
}

func TestPersonasSpeak(t *testing.T) {
	w := newWorld(t)
	var persona struct{ ID string }
	w.page.call("POST", "/me/personas", `{"name":"Ned","profile_picture_url":"https://example.com/ned.png"}`).Want(200).Into(&persona)
	var ids struct {
		MessageID string `json:"message_id"`
	}
	w.page.call("POST", "/me/messages", `{"recipient":{"id":"TO"},"message":{"text":"I am Ned"},"persona_id":"`+persona.ID+`"}`).Want(200).Into(&ids)
	if m := w.page.shown(ids.MessageID); m.Persona == nil || m.Persona.Name != "Ned" {
		t.Errorf("the message is %+v", m)
	}
	if got := string(w.page.call("GET", "/"+persona.ID, nil).Want(200).Body); !strings.Contains(got, `"name":"Ned"`) {
		t.Errorf("the persona is %s", got)
	}
	if got := string(w.page.call("GET", "/me/personas", nil).Want(200).Body); !strings.Contains(got, persona.ID) {
		t.Errorf("the personas are %s", got)
	}
	w.page.call("DELETE", "/"+persona.ID, nil).Want(200)
	refused(t, w.page.call("POST", "/me/messages", `{"recipient":{"id":"TO"},"message":{"text":"x"},"persona_id":"`+persona.ID+`"}`), 100, 0, "persona_id")
	refused(t, w.page.call("POST", "/me/personas", `{"name":"","profile_picture_url":"https://example.com/ned.png"}`), 100, 0, "name")
}

func TestThreadsAreHandedOver(t *testing.T) {
	w := newWorld(t)
	second := w.newBot("Helpdesk")
	helpdesk := w.connect(second)
	to := `"recipient":{"id":"TO"}`
	owner := func() string {
		var answer struct {
			Data []struct {
				Owner struct {
					AppID string `json:"app_id"`
				} `json:"thread_owner"`
			}
		}
		helpdesk.call("GET", "/me/thread_owner?recipient=TO", nil).Want(200).Into(&answer)
		return answer.Data[0].Owner.AppID
	}
	if got := owner(); got != w.bot.App.ID.String() {
		t.Errorf("at first the thread is %s's", got)
	}
	if got := string(w.page.call("GET", "/me/secondary_receivers?fields=id,name", nil).Want(200).Body); !strings.Contains(got, `"name":"Helpdesk"`) || strings.Contains(got, `"name":"Bot"`) {
		t.Errorf("the secondary receivers are %s", got)
	}
	refused(t, helpdesk.call("POST", "/me/messages", `{`+to+`,"message":{"text":"mine"}}`), 10, 2018300, "another app")
	helpdesk.call("POST", "/me/request_thread_control", `{`+to+`,"metadata":"I know"}`).Want(200)
	w.page.call("POST", "/me/pass_thread_control", `{`+to+`,"target_app_id":"`+second.App.ID.String()+`"}`).Want(200)
	helpdesk.send(`{"text":"mine"}`)
	refused(t, w.page.call("POST", "/me/messages", `{`+to+`,"message":{"text":"mine"}}`), 10, 2018300, "another app")
	refused(t, helpdesk.call("POST", "/me/take_thread_control", `{`+to+`}`), 10, 0, "primary")
	w.page.call("POST", "/me/take_thread_control", `{`+to+`}`).Want(200)
	w.page.call("POST", "/me/pass_thread_control", `{`+to+`,"target_app_id":263902037430900}`).Want(200)
	if got := owner(); got != "263902037430900" {
		t.Errorf("passed to the page's people, the thread is %s's", got)
	}
	refused(t, w.page.call("POST", "/me/pass_thread_control", `{`+to+`,"target_app_id":"7"}`), 100, 0, "target_app_id")
	refused(t, w.own.call("POST", "/me/take_thread_control", `{`+to+`}`), 100, 0, "merchant")
}

func TestBatchesAnswerEach(t *testing.T) {
	w := newWorld(t)
	send := fmt.Sprintf(`{"method":"POST","relative_url":"me/messages","body":"recipient=%%7B%%22id%%22%%3A%%22%s%%22%%7D&message=%%7B%%22text%%22%%3A%%22batched%%22%%7D"}`, w.page.to)
	body := `{"access_token":"` + w.page.token + `","include_headers":false,"batch":[` + send + `,{"method":"GET","relative_url":"v2.6/me"},{"method":"GET","relative_url":"me/shoes"}]}`
	var answers []struct {
		Code    int
		Body    string
		Headers []any
	}
	w.Nobody().Post("/", body).Want(200).Into(&answers)
	if len(answers) != 3 || answers[0].Code != 200 || !strings.Contains(answers[0].Body, `"message_id"`) ||
		!strings.Contains(answers[1].Body, "Tea") || answers[2].Code != 400 || answers[0].Headers != nil {
		t.Errorf("the answers are %+v", answers)
	}
	refused(t, w.Nobody().Post("/", `{"access_token":"x","batch":[`+strings.Repeat(`{},`, 50)+`{}]}`), 100, 0, "batch")
	refused(t, w.Nobody().Post("/", `{"batch":[]}`), 190, 0, "token")
	refused(t, w.Nobody().Post("/", `{"access_token":"x","batch":7}`), 100, 0, "batch")
}

func TestProofsAreChecked(t *testing.T) {
	w := newWorld(t)
	mac := hmac.New(sha256.New, []byte(w.bot.Secret))
	mac.Write([]byte(w.page.token))
	proof := hex.EncodeToString(mac.Sum(nil))
	w.page.call("GET", "/me?appsecret_proof="+proof, nil).Want(200)
	before := w.events()
	for _, wrong := range []string{strings.Repeat("0", 64), "zz", proof[2:]} {
		refused(t, w.page.call("POST", "/me/messages?appsecret_proof="+wrong, `{"recipient":{"id":"TO"},"message":{"text":"x"}}`), 100, 0, "appsecret_proof")
	}
	if after := w.events(); after != before {
		t.Error("a wrong proof left something behind")
	}
}

func TestPagesThatCallTooOftenAreToldSo(t *testing.T) {
	w := newWorld(t)
	w.Server.Messenger().Limit(2)
	w.page.call("GET", "/me", nil).Want(200)
	w.page.call("GET", "/me", nil).Want(200)
	refused(t, w.page.call("GET", "/me", nil), 613, 0, "rate")
}

// route is a request in order, what an app must be granted for it, and whether
// it is for merchants' pages alone.
type route struct {
	path, body string
	grant      events.Grant
	merchants  bool
}

const to = `{"recipient":{"id":"TO"}`

// routeTable has a row for every route there is.
var routeTable = map[string][]route{
	"GET /{page}/":                        {{path: "/me"}, {path: "/TO", grant: events.ReadProfiles}},
	"DELETE /{page}/":                     {{path: "/{persona}", grant: events.WriteMessages}},
	"POST /{page}/messages":               {{path: "/me/messages", body: to + `,"message":{"text":"x"}}`, grant: events.WriteMessages}, {path: "/me/messages", body: to + `,"sender_action":"typing_on"}`, grant: events.WriteMessages}, {path: "/me/messages", body: to + `,"message":{"attachment":{"type":"image","payload":{"attachment_id":"{file}"}}}}`, grant: events.WriteAttachments}},
	"POST /{page}/message_attachments":    {{path: "/me/message_attachments", body: `{"message":{"attachment":{"type":"image","payload":{"attachment_id":"{file}"}}}}`}},
	"GET /{page}/messenger_profile":       {{path: "/me/messenger_profile?fields=greeting"}},
	"POST /{page}/messenger_profile":      {{path: "/me/messenger_profile", body: `{"get_started":{"payload":"GO"}}`}},
	"DELETE /{page}/messenger_profile":    {{path: "/me/messenger_profile?fields=greeting"}},
	"GET /{page}/subscribed_apps":         {{path: "/me/subscribed_apps"}},
	"POST /{page}/subscribed_apps":        {{path: "/me/subscribed_apps", body: `{"subscribed_fields":["messages"]}`}},
	"DELETE /{page}/subscribed_apps":      {{path: "/me/subscribed_apps"}},
	"GET /{page}/personas":                {{path: "/me/personas"}},
	"POST /{page}/personas":               {{path: "/me/personas", body: `{"name":"Ned","profile_picture_url":"https://example.com/n.png"}`}},
	"GET /{page}/secondary_receivers":     {{path: "/me/secondary_receivers"}},
	"GET /{page}/thread_owner":            {{path: "/me/thread_owner?recipient=TO", grant: events.ReadMessages}},
	"POST /{page}/pass_thread_control":    {{path: "/me/pass_thread_control", body: to + `,"target_app_id":"{app}"}`, merchants: true}},
	"POST /{page}/take_thread_control":    {{path: "/me/take_thread_control", body: to + `}`, merchants: true}},
	"POST /{page}/request_thread_control": {{path: "/me/request_thread_control", body: to + `}`, merchants: true}},
	"POST /":                              {{path: "/", body: `{"batch":[{"method":"GET","relative_url":"me"}]}`}},
}

func TestEveryRouteAndCaller(t *testing.T) {
	w := newWorld(t)
	left := make(map[string]bool)
	for name := range routeTable {
		left[name] = true
	}
	err := chi.Walk(w.Server.Messenger().Routes(), func(method, pattern string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
		name := method + " " + pattern
		if routeTable[name] == nil {
			t.Errorf("%s has no row in routeTable", name)
		}
		delete(left, name)
		return nil
	})
	if err != nil || len(left) > 0 {
		t.Errorf("%v; rows without a route: %v", err, left)
	}
	missing := make(map[events.Grant]*caller)
	for _, grant := range []events.Grant{events.WriteMessages, events.WriteAttachments, events.ReadProfiles, events.ReadMessages} {
		missing[grant] = w.install(w.newBot("without "+string(grant)), grant)
	}
	stranger := &caller{w, w.newBot("stranger").Token, w.own.to}
	var names []string
	for name := range routeTable {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		for _, row := range routeTable[name] {
			w.try(t, name, row, missing, stranger)
		}
	}
}

// try makes a route's request as everybody.
func (w *world) try(t *testing.T, name string, row route, missing map[events.Grant]*caller, stranger *caller) {
	method, _, _ := strings.Cut(name, " ")
	ask := func(c *caller) *handlertest.Answer {
		fill := strings.NewReplacer("{persona}", c.persona(), "{file}", c.file(), "{app}", w.bot.App.ID.String())
		var body any
		if row.body != "" {
			body = fill.Replace(row.body)
		}
		return c.call(method, fill.Replace(row.path), body)
	}
	if answer := ask(w.page); answer.Status != 200 {
		t.Errorf("%s by the shop: %d %s", name, answer.Status, answer.Body)
	}
	switch answer := ask(w.own); {
	case row.merchants:
		refused(t, answer, 100, 0, "merchant")
	case answer.Status != 200:
		t.Errorf("%s by the app itself: %d %s", name, answer.Status, answer.Body)
	}
	for _, token := range []string{"", "app_x", "page_x", w.customer.Token} {
		nobody := *w.page
		nobody.token = token
		// A batch answers for each of its requests.
		if answer := ask(&nobody); answer.Status != 401 && !(name == "POST /" && strings.Contains(string(answer.Body), `"code":401`)) {
			t.Errorf("%s with token %q: %d %s", name, token, answer.Status, answer.Body)
		}
	}
	if row.grant == "" || row.merchants {
		return
	}
	if name != "DELETE /{page}/" { // a page may do with itself what it asks for, wherever it is
		refused(t, ask(missing[row.grant]), 200, 0, string(row.grant))
		if answer := ask(stranger); answer.Status != 400 {
			t.Errorf("%s by a stranger: %d %s", name, answer.Status, answer.Body)
		}
	}
	for grant, c := range missing {
		if answer := ask(c); grant != row.grant && answer.Status != 200 {
			t.Errorf("%s without %s: %d %s", name, grant, answer.Status, answer.Body)
		}
	}
}

// persona makes one of the page's.
func (c *caller) persona() string {
	c.Helper()
	page, ok, err := c.Commands.PageOf(c.Context(), c.token)
	if err != nil || !ok {
		return room.String()
	}
	event, err := c.Commands.CreatePersona(c.Context(), events.Cause{Actor: "test"}, page, events.Persona{Name: "N", PictureURL: "https://example.com"})
	if err != nil {
		c.Fatal(err)
	}
	return event.Fact.(*events.PersonaCreated).ID.String()
}

// file brings one of the app's.
func (c *caller) file() string {
	c.Helper()
	page, ok, err := c.Commands.PageOf(c.Context(), c.token)
	if err != nil || !ok {
		return "none"
	}
	file, _, err := c.Library.Upload(c.Context(), events.Cause{Actor: "test"}, page.App, 1e15, strings.NewReader(string(animation(c))))
	if err != nil {
		c.Fatal(err)
	}
	return file.Media.String()
}

func TestAnUnconnectedPageIsNobodys(t *testing.T) {
	w := newWorld(t)
	w.agent.Do("DELETE", "/v1/merchants/"+w.shop.String()+"/apps/"+w.bot.App.ID.String(), nil).Want(204)
	refused(t, w.page.call("GET", "/me", nil), 190, 0, "token")
	foreign := messenger.PSID(commands.Page{App: w.bot.App.ID}, messenger.Person{Conversation: w.group, User: w.agent.User.ID})
	w.agent.Do("DELETE", "/v1/conversations/"+w.group.String()+"/apps/"+w.bot.App.ID.String(), nil).Want(204)
	refused(t, w.own.call("POST", "/me/messages", `{"recipient":{"id":"`+foreign+`"},"message":{"text":"x"}}`), 100, 2018001, "user")
}

func TestHostileBodiesLeaveNothingBehind(t *testing.T) {
	w := newWorld(t)
	before := w.events()
	for body, code := range map[string]int{
		``: 100, `[]`: 100, `{`: 100, `null`: 100, `"x"`: 100, `{"recipient":7,"message":{"text":"x"}}`: 100,
		`{"recipient":{"id":{}},"message":{"text":"x"}}`: 100, `{"recipient":{"id":"TO"}}`: 100,
		`{"recipient":{"id":"TO"},"message":"x"}`: 100, `{"recipient":{"id":"TO"},"message":{"text":""}}`: 100,
		`{"recipient":{"id":"TO"},"message":{"text":{}}}`: 100, `{"recipient":{"id":"TO"},"message":{"text":["x"]}}`: 100,
		`{"recipient":{"id":"TO"},"message":{"text":"` + strings.Repeat("x", 2001) + `"}}`:                                                100,
		`{"recipient":{"id":"TO"},"message":{"text":"x","metadata":"` + strings.Repeat("x", 1000) + `"}}`:                                 100,
		`{"recipient":{"id":"TO"},"message":{"text":"x","quick_replies":[` + strings.Repeat(`{"content_type":"location"},`, 13) + `{}]}}`: 100,
		`{"recipient":{"id":"TO"},"message":{"text":"x","attachment":{"type":"image","payload":{}}}}`:                                     100,
		`{"recipient":{"id":"TO"},"message":{"text":"a\u0000b"}}`:                                                                         100,
		`{"recipient":{"id":"TO"},"message":{"text":"x"},"reply_to":{"mid":"m_1"}}`:                                                       100,
		`{"recipient":{"id":"TO"},"message":{"text":"x"},"notification_type":"BELL"}`:                                                     100,
		`{"recipient":{"phone_number":"+1 (555) 857-6309"},"message":{"text":"x"}}`:                                                       100,
		strings.Repeat(`[`, 20_000):                      100,
		`{"pad":"` + strings.Repeat("x", 600<<10) + `"}`: 100,
	} {
		answer := w.page.call("POST", "/me/messages", body)
		var got struct{ Error fault }
		answer.Into(&got)
		if answer.Status < 400 || answer.Status >= 500 || got.Error.Code != code {
			t.Errorf("%.60s: %d %s", body, answer.Status, answer.Body)
		}
	}
	if after := w.events(); after != before {
		t.Errorf("hostile bodies left %d events", after-before)
	}
}
