package web_test

import (
	"context"
	"errors"
	"fmt"
	"image"
	"image/color/palette"
	"image/gif"
	"net/http"
	"os"
	"path/filepath"
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
		{"one tab sees what the other does", oneTabSeesWhatTheOtherDoes},
		{"a message is changed", aMessageIsChanged},
		{"words are looked for", wordsAreLookedFor},
		{"a group is kept in order", aGroupIsKeptInOrder},
		{"a picture is sent", aPictureIsSent},
		{"an app shares files", anAppSharesFiles},
		{"an app is added from the directory", anAppIsAddedFromTheDirectory},
		{"an order is followed from the thread", anOrderIsFollowedFromTheThread},
		{"an offer is bought and answered", anOfferIsBoughtAndAnswered},
		{"a case is served", aCaseIsServed},
		{"a thread is handed over", aThreadIsHandedOver},
		{"a bot offers answers", aBotOffersAnswers},
		{"a text stays a text", aTextStaysAText},
		{"a long conversation scrolls back", aLongConversationScrollsBack},
		{"a lost server is waited for", aLostServerIsWaitedFor},
		{"a conversation is started", aConversationIsStarted},
		{"a phone shows one pane", aPhoneShowsOnePane},
		{"an analyst reads growth", anAnalystReadsGrowth},
		{"an auditor reads the log", anAuditorReadsTheLog},
		{"an operator resolves reports", anOperatorResolvesReports},
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

func oneTabSeesWhatTheOtherDoes(t *testing.T, s *stage, browser context.Context) {
	uma, vic := s.Person("uma"), s.Person("vic")
	room := uma.Start("direct", vic)
	uma.Say(room, "Tea?")
	one, other := s.signIn(t, browser, wide, "/", uma), s.signIn(t, browser, wide, "/", vic)
	for b, name := range map[*tab]string{one: "The vic", other: "The uma"} {
		b.clicks(".inbox-row a", name)
		b.sees(".message .text", "Tea?")
	}
	one.sees(".seen", "Read")
	other.do(chromedp.SendKeys(chromedp.CSS(".compose-text"), "Gladly"))
	one.sees(".typing", "The vic is writing")
	other.do(chromedp.SendKeys(chromedp.CSS(".compose-text"), kb.Enter))
	one.sees(".message .text", "Gladly")
	one.is("document.querySelector('.typing').textContent === ''")

	other.is("document.querySelector('.message.own [aria-label^=More]').click() === undefined")
	other.clicks(".menu-item", "Edit")
	other.sees(".answering", "Editing")
	other.say(", thank you")
	one.sees(".message .text", "Gladly, thank you")
	one.is("document.querySelector('[data-number=\"1\"] [aria-label^=React]').click() === undefined")
	one.clicks(".emoji-choice", "👍")
	other.sees(".message.own .reaction", "👍1")
	one.clicks(".reaction", "👍")
	other.is("!document.querySelector('.reaction')")

	other.is("document.querySelector('.message.own [aria-label^=More]').click() === undefined")
	other.clicks(".menu-item", "Retract")
	other.clicks(".dialog-foot .button", "Retract")
	one.sees(".message .gone", "This message was retracted.")
	one.sees(".inbox-last", "Message retracted")

	// On another device of hers.
	uma.Do("PUT", "/v1/conversations/"+room.String()+"/mute", struct{}{})
	one.sees(".inbox-row .muted", "Muted")
	uma.Do("PUT", "/v1/conversations/"+room.String()+"/archive", struct{}{})
	one.sees(".empty", "No conversations yet.")
}

func aMessageIsChanged(t *testing.T, s *stage, browser context.Context) {
	wes, xia := s.Person("wes"), s.Person("xia")
	room := wes.Start("group", xia)
	wes.Say(room, "The frist of May.")
	wes.Do("PATCH", "/v1/conversations/"+room.String()+"/messages/0", `{"text":"The first of May."}`).Want(http.StatusOK)
	b := s.signIn(t, browser, wide, at(room), xia)
	b.sees(".message .text", "The first of May.")
	b.click(".button.edited")
	b.sees(".versions", "The frist of May.")
	b.do(chromedp.KeyEvent(kb.Escape))
	b.is("document.querySelector('.message [aria-label^=More]').click() === undefined")
	b.clicks(".menu-item", "Pin")
	b.sees(".pinned", "The first of May.")
	b.is("document.querySelector('.message [aria-label^=More]').click() === undefined")
	b.clicks(".menu-item", "Unpin")
	b.is("document.querySelector('.pinned').hidden")
}

func wordsAreLookedFor(t *testing.T, s *stage, browser context.Context) {
	yan, zoe := s.Person("yan"), s.Person("zoe")
	room := yan.Start("direct", zoe)
	zoe.Say(room, "The ferry leaves at <nine>.")
	for i := range 80 {
		zoe.Say(room, fmt.Sprintf("wave %d", i))
	}
	b := s.signIn(t, browser, wide, "/", yan)
	b.do(chromedp.SendKeys(chromedp.CSS(".search input"), "ferr*"))
	b.sees(".search-results .inbox-last", "The ferry leaves at <nine>.")
	b.is("document.querySelector('.search-results mark')?.textContent === 'ferry'")
	b.clicks(".search-results a", "ferry")
	b.sees(".message .text", "The ferry leaves")
	b.do(chromedp.SendKeys(chromedp.CSS(".search input"), "nothing like it"))
	b.sees(".search-notice", "Nothing was found.")
	b.do(chromedp.SendKeys(chromedp.CSS(".search input"), kb.Escape))
	b.sees(".inbox-row", "The zoe")
}

func aGroupIsKeptInOrder(t *testing.T, s *stage, browser context.Context) {
	abe, bea, cal := s.Person("abe"), s.Person("bea"), s.Person("cal")
	room := abe.Start("group", bea, cal)
	b, guest := s.signIn(t, browser, wide, at(room), abe), s.signIn(t, browser, narrow, at(room), cal)
	b.click("[aria-label=Participants]")
	b.clicks(".choice", "Rename")
	b.do(chromedp.SendKeys(chromedp.CSS("dialog input"), "Regatta"+kb.Enter))
	b.sees(".pane-title", "Regatta")
	guest.sees(".pane-title", "Regatta")
	b.is("document.querySelector('[aria-label=\"More for The bea\"]').click() === undefined")
	b.clicks(".menu-item", "Make admin")
	b.sees(".person .role", "admin")
	b.clicks(".choice", "Mute")
	b.sees(".choice", "Unmute")
	b.sees(".inbox-row .muted", "Muted")
	b.is("document.querySelector('[aria-label=\"More for The cal\"]').click() === undefined")
	guest.shutOut = true
	b.clicks(".menu-item", "Remove")
	guest.sees(".failure", "not in this conversation any more")
	b.clicks(".choice", "Archive")
	b.sees(".empty", "No conversations yet.")
	b.click("[aria-label='Archived conversations']")
	b.sees(".inbox-row", "Regatta")
}

func aPictureIsSent(t *testing.T, s *stage, browser context.Context) {
	dov, eli := s.Person("dov"), s.Person("eli")
	room := dov.Start("direct", eli)
	picture := filepath.Join(t.TempDir(), "boat.gif")
	file, err := os.Create(picture)
	if err != nil {
		t.Fatal(err)
	}
	frame := image.NewPaletted(image.Rect(0, 0, 12, 8), palette.Plan9)
	if err := errors.Join(gif.Encode(file, frame, nil), file.Close()); err != nil {
		t.Fatal(err)
	}
	one, other := s.signIn(t, browser, wide, at(room), dov), s.signIn(t, browser, narrow, at(room), eli)
	one.do(chromedp.SetUploadFiles(chromedp.CSS(".compose input[type=file]"), []string{picture}))
	one.sees(".uploads", "boat.gif")
	one.is("!document.querySelector('.compose .send').disabled")
	one.click(".compose .send")
	for _, b := range []*tab{one, other} {
		b.is("document.querySelector('.message:not(.sending) img.attachment')?.naturalWidth === 12")
	}
	other.is("document.querySelector('img.attachment').alt === 'boat.gif'")
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
	const count = 520
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
	b.sees("[data-number='3'] .text", "line 3")
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

	s.lose()
	b.say("One moment.")
	b.sees(".message.waiting .state", "Not sent yet")
	b.sees(".connection", "Reconnecting")
	hana.Say(room, "Can you hear me?")
	s.find()
	b.is("!document.querySelector('.message.waiting, .message.sending')")
	b.sees(".message.own .text", "One moment.")
	b.is("document.querySelector('.connection').textContent === ''")
	b.sees(".message .text", "Can you hear me?")
	b.is("document.querySelectorAll('.message').length === 3")
	if read := messages(t, hana, room); len(read) != 3 || read[0].Text != "One moment." {
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
	b.is("document.querySelector('.chart svg title')?.textContent === 'Users' && document.querySelector('.chart svg desc')?.textContent.length > 20")
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
