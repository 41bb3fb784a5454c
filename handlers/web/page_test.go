package web_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/google/uuid"

	"parley/handlers"
	"parley/handlers/handlertest"
	"parley/projections"
)

func TestPageInABrowser(t *testing.T) {
	browser := launch(t)
	s := openStage(t)
	for _, scene := range []struct {
		name string
		play func(*testing.T, *stage, context.Context)
	}{
		{"two people talk", twoPeopleTalk},
		{"a text stays a text", aTextStaysAText},
		{"a long conversation scrolls back", aLongConversationScrollsBack},
		{"a lost server is waited for", aLostServerIsWaitedFor},
		{"a conversation is started", aConversationIsStarted},
		{"a phone shows one pane", aPhoneShowsOnePane},
		{"an analyst reads growth", anAnalystReadsGrowth},
		{"an auditor reads the log", anAuditorReadsTheLog},
		{"a bad token is refused", aBadTokenIsRefused},
	} {
		t.Run(scene.name, func(t *testing.T) { scene.play(t, s, browser) })
	}
}

// messages are a conversation's newest messages as a client reads them.
func messages(t *testing.T, who *handlertest.Client, conversation uuid.UUID) []projections.Message {
	t.Helper()
	var read projections.Page
	who.Get("/v1/conversations/" + conversation.String() + "/messages").Want(http.StatusOK).Into(&read)
	return read.Messages
}

func at(conversation uuid.UUID) string { return "/#conversation=" + conversation.String() }

func twoPeopleTalk(t *testing.T, s *stage, browser context.Context) {
	ada, ben := s.Person("ada"), s.Person("ben")
	room := ada.Start("direct", ben)
	ben.Say(room, "Is this the right number?")

	b := s.signIn(t, browser, wide, "/", ada)
	b.sees(".inbox-row.unread", "Is this the right number?")
	b.sees(".badge", "1")
	b.is("!location.href.includes('token') && document.title === '(1) Parley'")
	b.clicks(".inbox-row a", "The ben")
	b.sees(".message .text", "Is this the right number?")
	b.sees(".unread-line", "New")
	b.is("!document.querySelector('.badge')")

	b.say("It is.")
	b.sees(".message.own .text", "It is.")
	b.is("!document.querySelector('.message.sending')")
	if said := messages(t, ben, room)[0]; said.Text != "It is." || said.Author != ada.User.ID {
		t.Fatalf("the server has %+v, want what was written on the page", said)
	}

	ben.Say(room, "Good.")
	b.sees(".message .text", "Good.")
	b.do(chromedp.Focus(chromedp.CSS(".scroller")), chromedp.KeyEvent(kb.ArrowUp), chromedp.KeyEvent("r"))
	b.sees(".answering", "Good.")
	b.say("Better.")
	b.sees(".message.own .quote", "Good.")
	s.until(t, "the reply and the read marker", func() bool {
		var room projections.Conversation
		newest := messages(t, ben, room0(t, ada, &room))[0]
		return newest.ReplyTo != nil && *newest.ReplyTo == 2 && room.Unread == 0
	})
}

// room0 reads a client's newest conversation and returns its id.
func room0(t *testing.T, who *handlertest.Client, into *projections.Conversation) uuid.UUID {
	t.Helper()
	var inbox projections.Inbox
	who.Get("/v1/conversations").Want(http.StatusOK).Into(&inbox)
	*into = inbox.Conversations[0]
	return into.ID
}

// until asks again and again until the answer is yes.
func (s *stage) until(t *testing.T, what string, answer func() bool) {
	t.Helper()
	pause := time.NewTicker(50 * time.Millisecond)
	defer pause.Stop()
	deadline := time.After(patience)
	for !answer() {
		select {
		case <-pause.C:
		case <-deadline:
			t.Fatalf("never came: %s", what)
		}
	}
}

func aTextStaysAText(t *testing.T, s *stage, browser context.Context) {
	cleo, dan := s.Person("cleo"), s.Person("dan")
	room := cleo.Start("direct", dan)
	const hostile = `<img src=x onerror=alert(1)> & see https://example.org/a_(b)?c=1.`
	dan.Say(room, hostile)
	dan.Say(room, "/me waves")

	b := s.signIn(t, browser, wide, at(room)[:1], cleo)
	b.clicks(".inbox-row a", "The dan")
	b.sees(".message .text", hostile)
	b.is("!document.querySelector('.message img') && document.querySelector('.message .text a').href === 'https://example.org/a_(b)?c=1'")
	b.sees(".action", "The dan waves")
}

func aLongConversationScrollsBack(t *testing.T, s *stage, browser context.Context) {
	eve, finn := s.Person("eve"), s.Person("finn")
	room := eve.Start("direct", finn)
	const count = 420
	for i := range count {
		finn.Say(room, fmt.Sprintf("line %d", i))
	}
	path := "/v1/conversations/" + room.String() + "/messages"
	finn.Post(path, map[string]any{"text": "as I said at first", "replyTo": 3}).Want(http.StatusCreated)

	b := s.signIn(t, browser, wide, "/", eve)
	b.clicks(".inbox-row a", "The finn")
	b.sees(".message .text", "as I said at first")
	b.is("document.querySelector('.scroller').scrollTop > 0")
	b.clicks(".quote", "line 3")
	b.sees(".message.pointed .text", "line 3")
	b.click(".to-newest")
	b.sees(".message .text", "as I said at first")
	b.is(`(() => {
		document.querySelector('.scroller').scrollTop = 0;
		return document.querySelector('[data-state=beginning]') !== null && document.querySelector('[data-number="0"]') !== null;
	})()`)
	b.is("document.querySelectorAll('.message').length <= 250")
	b.is(fmt.Sprintf(`(() => {
		const scroller = document.querySelector('.scroller');
		scroller.scrollTop = scroller.scrollHeight;
		return document.querySelector('[data-number="%d"]') !== null;
	})()`, count))
}

func aLostServerIsWaitedFor(t *testing.T, s *stage, browser context.Context) {
	gil, hana := s.Person("gil"), s.Person("hana")
	room := gil.Start("direct", hana)
	hana.Say(room, "Still there?")
	b := s.signIn(t, browser, wide, "/", gil)
	b.clicks(".inbox-row a", "The hana")
	b.sees(".message .text", "Still there?")

	s.shut.Store(true)
	b.say("One moment.")
	b.sees(".message.waiting .state", "Not sent yet")
	b.sees(".connection", "Reconnecting")
	s.shut.Store(false)
	b.is("!document.querySelector('.message.waiting, .message.sending')")
	b.sees(".message.own .text", "One moment.")
	b.is("document.querySelector('.connection').textContent === ''")
	if read := messages(t, hana, room); len(read) != 2 || read[0].Text != "One moment." {
		t.Fatalf("the server has %+v, want the message once", read)
	}
}

func aConversationIsStarted(t *testing.T, s *stage, browser context.Context) {
	ida, jon, kai := s.Person("ida"), s.Person("jon"), s.Person("kai")
	b := s.signIn(t, browser, wide, "/", ida)
	b.clicks(".empty .button", "Start one")
	for _, other := range []*handlertest.Client{jon, kai} {
		b.do(chromedp.SendKeys(chromedp.CSS("#start-who"), other.User.ID.String()+kb.Enter))
		b.sees(".chip", other.User.DisplayName)
	}
	b.do(chromedp.SendKeys(chromedp.CSS("#start-title"), "Harvest"+kb.Enter))
	b.sees(".pane-title", "Harvest")
	b.sees(".pane-note", "3 people")
	b.click("[aria-label=Participants]")
	b.sees(".person", "The kai")
	b.clicks(".side .leave", "Leave this conversation")
	b.clicks(".leave-question .leave", "Leave")
	b.sees(".empty", "No conversations yet.")
	var started projections.Conversation
	if room0(t, jon, &started); started.Title != "Harvest" || len(started.Participants) != 2 {
		t.Fatalf("the server has %+v, want the group without who left", started)
	}
}

func aPhoneShowsOnePane(t *testing.T, s *stage, browser context.Context) {
	lou, mia := s.Person("lou"), s.Person("mia")
	room := lou.Start("direct", mia)
	mia.Say(room, "Ring me.")
	b := s.signIn(t, browser, narrow, "/", lou)
	b.clicks(".inbox-row a", "The mia")
	b.sees(".message .text", "Ring me.")
	b.is("!document.querySelector('.inbox').checkVisibility() && document.documentElement.scrollWidth === innerWidth")
	b.click(".back")
	b.sees(".inbox-row", "The mia")
	b.is("!document.querySelector('.stage').checkVisibility()")
	b.click("[aria-label='Your account']")
	b.clicks("#account .button", "Sign out")
	b.sees(".sign-in", "Your token")
	b.is("sessionStorage.length === 0")
}

func anAnalystReadsGrowth(t *testing.T, s *stage, browser context.Context) {
	s.Person("nat")
	b := s.signIn(t, browser, wide, "/", s.Scoped(handlers.Analyst))
	b.is("location.pathname === '/growth'")
	b.sees(".figure", "Users")
	b.is("document.querySelector('.chart svg title').textContent === 'Users' && document.querySelector('.chart svg desc').textContent.length > 20")
	b.sees(".ranking", "messenger")
	b.clicks(".data-tools .button", "Show as a table")
	b.is("document.querySelectorAll('.data tbody tr').length > 0")
	b.clicks(".segments label", "Month")
	b.is("new URLSearchParams(location.search).get('interval') === 'month'")
	b.is("document.querySelectorAll('.data tbody tr').length > 0 && !document.querySelector('.stale')")
}

func anAuditorReadsTheLog(t *testing.T, s *stage, browser context.Context) {
	ola, pim := s.Person("ola"), s.Person("pim")
	ola.Say(ola.Start("direct", pim), "Between us.")
	b := s.signIn(t, browser, wide, "/audit", s.Scoped(handlers.Auditor))
	b.sees(".events td, .events th", "UserRegistered")
	b.do(chromedp.SendKeys(chromedp.CSS("#audit-type"), "MessagePosted"))
	b.is("document.querySelectorAll('.events tbody tr').length > 0 && [...document.querySelectorAll('.events tbody .type')].every((e) => e.textContent === 'MessagePosted')")
	b.click(".events tbody tr a")
	b.sees(".detail h2", "MessagePosted")
	b.sees(".detail .sealed", "sealed")
	b.do(chromedp.KeyEvent(kb.Escape))
	b.is("!document.querySelector('.detail').checkVisibility()")
}

func aBadTokenIsRefused(t *testing.T, s *stage, browser context.Context) {
	quin := s.Person("quin")
	b := s.open(t, browser, wide, "/")
	b.do(chromedp.SendKeys(chromedp.CSS("#token"), "nonsense"+kb.Enter))
	b.sees(".field-error", "not a Parley token")
	b.do(chromedp.SetValue(chromedp.CSS("#token"), quin.Token[:len(quin.Token)-4]+"AAAA"), chromedp.SendKeys(chromedp.CSS("#token"), kb.Enter))
	b.sees(".field-error", "not one of this server")
	b.do(chromedp.SetValue(chromedp.CSS("#token"), quin.Token), chromedp.SendKeys(chromedp.CSS("#token"), kb.Enter))
	b.sees(".empty", "No conversations yet.")
}
