package decide_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/google/uuid"

	"parley/events"
	"parley/events/decide"
)

var (
	chatbot  = uuid.MustParse("00000000-0000-7000-8000-0000000000b0")
	helpdesk = uuid.MustParse("00000000-0000-7000-8000-0000000000b1")
	seed     = uuid.MustParse("00000000-0000-7000-8000-0000000000b2")
)

func connected(app uuid.UUID, grants ...events.Grant) *events.AppConnected {
	return &events.AppConnected{Merchant: shop, App: events.AppCard{ID: app, Name: "Bot"}, By: ada, Grants: grants, Seed: seed}
}

func botOf(owner uuid.UUID, more ...events.Fact) *decide.App {
	a := decide.EvolveApp(decide.NewApp(), &events.AppRegistered{App: chatbot, Owner: owner, AppListing: events.AppListing{
		Name: "Bot", Grants: []events.Grant{events.ReadMessages, events.WriteMessages},
	}})
	for _, fact := range more {
		a = decide.EvolveApp(a, fact)
	}
	return a
}

func TestAppsAreConnectedByAgents(t *testing.T) {
	connecting := decide.Connecting{By: ada, Seed: seed}
	t.Run("with all that the app asks for", func(t *testing.T) {
		got, err := decide.ConnectApp(shopOf(), botOf(ada), connecting)
		when(t, got, err).then(connected(chatbot, events.ReadMessages, events.WriteMessages))
	})
	t.Run("not by strangers", func(t *testing.T) {
		got, err := decide.ConnectApp(shopOf(), botOf(ada), decide.Connecting{By: bob, Seed: seed})
		when(t, got, err).thenRefused(decide.Unknown, "")
	})
	t.Run("not what is another's and not published", func(t *testing.T) {
		got, err := decide.ConnectApp(shopOf(), botOf(bob), connecting)
		when(t, got, err).thenRefused(decide.Unknown, "")
	})
	t.Run("not what is suspended", func(t *testing.T) {
		got, err := decide.ConnectApp(shopOf(), botOf(ada, &events.AppSuspended{App: chatbot, Reason: "spam"}), connecting)
		when(t, got, err).thenRefused(decide.Taken, "")
	})
	t.Run("not for what it does not ask for", func(t *testing.T) {
		got, err := decide.ConnectApp(shopOf(), botOf(ada), decide.Connecting{By: ada, Grants: []events.Grant{events.ReadProfiles}})
		when(t, got, err).thenRefused(decide.Invalid, "grants")
	})
	t.Run("once", func(t *testing.T) {
		got, err := decide.ConnectApp(shopOf(connected(chatbot, events.ReadMessages, events.WriteMessages)), botOf(ada), connecting)
		when(t, got, err).then()
	})
	t.Run("other grants leave the token as it is", func(t *testing.T) {
		got, err := decide.ConnectApp(shopOf(connected(chatbot, events.ReadMessages)), botOf(ada), decide.Connecting{By: ada, Seed: chatbot})
		when(t, got, err).then(connected(chatbot, events.ReadMessages, events.WriteMessages))
	})
	t.Run("and disconnected, once", func(t *testing.T) {
		gone := &events.AppDisconnected{Merchant: shop, App: chatbot, By: ada}
		got, err := decide.DisconnectApp(shopOf(connected(chatbot)), chatbot, ada)
		when(t, got, err).then(gone)
		got, err = decide.DisconnectApp(shopOf(connected(chatbot), gone), chatbot, ada)
		when(t, got, err).then()
	})
}

// thread is the thread of the shop and cleo, for whom these apps speak.
func thread(past []events.Fact, apps ...uuid.UUID) *decide.Conversation {
	facts := []events.Fact{&events.CustomerLinked{Merchant: shop, Customer: cleo}}
	for _, app := range apps {
		facts = append(facts, connected(app, decide.AllGrants...))
	}
	started := &events.ConversationStarted{
		Conversation: events.BusinessID(shop, cleo), Kind: events.Business, Starter: cleo, Participants: []uuid.UUID{cleo}, Merchant: shop,
	}
	return given(append([]events.Fact{started}, past...)...).For(shopOf(facts...))
}

func TestAThreadIsOneAppsAtATime(t *testing.T) {
	id := events.BusinessID(shop, cleo)
	passed := func(from, to uuid.UUID) *events.ThreadControlPassed {
		return &events.ThreadControlPassed{Conversation: id, App: from, To: to, Metadata: events.Private("why")}
	}
	for name, c := range map[string]struct {
		room *decide.Conversation
		want uuid.UUID
	}{
		"without apps it is the agents'":              {thread(nil), uuid.Nil},
		"it is the first app's":                       {thread(nil, chatbot, helpdesk), chatbot},
		"until it passes it on":                       {thread([]events.Fact{passed(chatbot, helpdesk)}, chatbot, helpdesk), helpdesk},
		"to the agents, too":                          {thread([]events.Fact{passed(chatbot, uuid.Nil)}, chatbot, helpdesk), uuid.Nil},
		"and when the one that has it goes":           {thread([]events.Fact{passed(chatbot, helpdesk)}, chatbot), chatbot},
		"and when the first takes it back, it has it": {thread([]events.Fact{passed(chatbot, helpdesk), &events.ThreadControlTaken{App: chatbot}}, chatbot, helpdesk), chatbot},
		"in a group there is nothing to have":         {given(group(ada, bob)), uuid.Nil},
	} {
		t.Run(name, func(t *testing.T) {
			if got := c.room.ThreadOwner(); got != c.want {
				t.Errorf("the thread is %s's, want %s's", got, c.want)
			}
		})
	}
}

func TestThreadsAreHandedOver(t *testing.T) {
	id := events.BusinessID(shop, cleo)
	h := decide.Handing{App: chatbot, To: helpdesk, Metadata: "why"}
	fact := &events.ThreadControlPassed{Conversation: id, App: chatbot, To: helpdesk, Metadata: events.Private("why")}
	both := thread(nil, chatbot, helpdesk)
	away := thread([]events.Fact{fact}, chatbot, helpdesk)
	t.Run("by the app that has it", func(t *testing.T) {
		got, err := decide.PassThread(both, h)
		when(t, got, err).then(fact)
	})
	t.Run("by no other", func(t *testing.T) {
		got, err := decide.PassThread(away, h)
		when(t, got, err).thenRefused(decide.Forbidden, "")
		if !errors.Is(err, decide.ErrNotThreadOwner) {
			t.Errorf("the cause is %v", err)
		}
	})
	t.Run("to none that does not speak for the merchant", func(t *testing.T) {
		got, err := decide.PassThread(both, decide.Handing{App: chatbot, To: ada})
		when(t, got, err).thenRefused(decide.Invalid, "target_app_id")
	})
	t.Run("and taken back by the first app alone", func(t *testing.T) {
		got, err := decide.TakeThread(away, h)
		when(t, got, err).then(&events.ThreadControlTaken{Conversation: id, App: chatbot, From: helpdesk, Metadata: events.Private("why")})
		got, err = decide.TakeThread(both, decide.Handing{App: helpdesk})
		when(t, got, err).thenRefused(decide.Forbidden, "")
	})
	t.Run("and asked for by the others", func(t *testing.T) {
		got, err := decide.RequestThread(away, h)
		when(t, got, err).then(&events.ThreadControlRequested{Conversation: id, App: chatbot, Owner: helpdesk, Metadata: events.Private("why")})
		got, err = decide.RequestThread(both, h)
		when(t, got, err).then()
	})
	t.Run("but not by strangers", func(t *testing.T) {
		got, err := decide.RequestThread(both, decide.Handing{App: ada})
		when(t, got, err).thenRefused(decide.Unknown, "")
	})
}

func TestAgentsSayWhoAnswers(t *testing.T) {
	id := events.BusinessID(shop, cleo)
	taken := &events.ThreadControlTaken{Conversation: id, From: chatbot, By: ada}
	passed := func(to uuid.UUID) *events.ThreadControlPassed {
		return &events.ThreadControlPassed{Conversation: id, To: to, By: ada}
	}
	ours := thread([]events.Fact{taken}, chatbot, helpdesk)
	for name, c := range map[string]struct {
		room *decide.Conversation
		to   uuid.UUID
		want []events.Fact
	}{
		"they take it from an app":              {thread(nil, chatbot, helpdesk), uuid.Nil, []events.Fact{taken}},
		"once":                                  {ours, uuid.Nil, nil},
		"they hand it to an app":                {ours, helpdesk, []events.Fact{passed(helpdesk)}},
		"they give one app's to another":        {thread(nil, chatbot, helpdesk), helpdesk, []events.Fact{taken, passed(helpdesk)}},
		"what an app has needs not be given it": {thread(nil, chatbot, helpdesk), chatbot, nil},
		"without apps it is theirs":             {thread(nil), uuid.Nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := decide.DirectThread(c.room, decide.Directing{By: ada, To: c.to})
			when(t, got, err).then(c.want...)
		})
	}
	t.Run("not to an app that does not speak for the merchant", func(t *testing.T) {
		got, err := decide.DirectThread(ours, decide.Directing{By: ada, To: bob})
		when(t, got, err).thenRefused(decide.Invalid, "appId")
	})
	t.Run("customers do not", func(t *testing.T) {
		got, err := decide.DirectThread(ours, decide.Directing{By: cleo})
		when(t, got, err).thenRefused(decide.Forbidden, "")
	})
	t.Run("nor strangers", func(t *testing.T) {
		got, err := decide.DirectThread(ours, decide.Directing{By: bob})
		when(t, got, err).thenRefused(decide.Unknown, "")
	})
	t.Run("nor people in a group", func(t *testing.T) {
		got, err := decide.DirectThread(given(group(ada, bob)), decide.Directing{By: ada})
		when(t, got, err).thenRefused(decide.Forbidden, "")
	})
}

func TestThreadsAreAskedFor(t *testing.T) {
	asked := func(app uuid.UUID) events.Fact {
		return &events.ThreadControlRequested{Conversation: events.BusinessID(shop, cleo), App: app, Owner: chatbot}
	}
	given := &events.ThreadControlPassed{App: chatbot, To: uuid.Nil}
	for name, c := range map[string]struct {
		past []events.Fact
		want []uuid.UUID
	}{
		"nobody has asked":                     {nil, nil},
		"an app asks, once however often":      {[]events.Fact{asked(helpdesk), asked(helpdesk)}, []uuid.UUID{helpdesk}},
		"until somebody is given the thread":   {[]events.Fact{asked(helpdesk), given}, nil},
		"and again after that":                 {[]events.Fact{asked(helpdesk), given, asked(chatbot), asked(helpdesk)}, []uuid.UUID{chatbot, helpdesk}},
		"not one that is not connected (more)": {[]events.Fact{asked(bob), asked(helpdesk)}, []uuid.UUID{helpdesk}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := thread(c.past, chatbot, helpdesk).ThreadRequests(); !slices.Equal(got, c.want) {
				t.Errorf("%v have asked, want %v", got, c.want)
			}
		})
	}
}

func TestWhoSpeaksForAMerchant(t *testing.T) {
	id := events.BusinessID(shop, cleo)
	card := func(app uuid.UUID) *events.AppCard { return &events.AppCard{ID: app, Name: "Bot"} }
	say := func(app uuid.UUID) decide.Message {
		return decide.Message{Conversation: id, Author: app, App: card(app), Text: "hello"}
	}
	t.Run("the app that has the thread", func(t *testing.T) {
		got, err := decide.Post(thread(nil, chatbot, helpdesk), say(chatbot))
		when(t, got, err).then(&events.MessagePosted{Conversation: id, Author: chatbot, App: card(chatbot), Merchant: shop, Text: events.Private("hello")})
	})
	t.Run("not another one", func(t *testing.T) {
		got, err := decide.Post(thread(nil, chatbot, helpdesk), say(helpdesk))
		when(t, got, err).thenRefused(decide.Forbidden, "")
	})
	t.Run("an app that the customer brought speaks for itself", func(t *testing.T) {
		installed := &events.AppInstalled{Conversation: id, App: *card(helpdesk), By: cleo, Grants: decide.AllGrants}
		got, err := decide.Post(thread([]events.Fact{installed}, chatbot), say(helpdesk))
		when(t, got, err).then(&events.MessagePosted{Conversation: id, Author: helpdesk, App: card(helpdesk), Text: events.Private("hello")})
	})
}
