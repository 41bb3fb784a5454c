package decide_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"parley/events"
	"parley/events/decide"
)

// message folds what happened to message 4, which bob posted.
func message(past ...events.Fact) *decide.MessageState {
	m := new(decide.MessageState)
	posted := &events.MessagePosted{Conversation: room, Author: bob, Text: events.Private("hello"), Mentions: []uuid.UUID{ada}}
	for _, fact := range append([]events.Fact{posted}, past...) {
		decide.EvolveMessage(m, fact)
	}
	return m
}

var (
	forwarded = &events.MessagePosted{Conversation: room, Author: bob, Text: events.Private("hello"), Forwarded: &events.Forwarded{Author: cleo}}
	retracted = &events.MessageRetracted{Conversation: room, Number: 4, By: bob}
	unsaid    = new(decide.MessageState)
)

func TestEditMessage(t *testing.T) {
	says := func(text string) decide.Edit { return decide.Edit{Number: 4, By: bob, Text: text} }
	here := given(group(ada, bob))
	t.Run("its author says something else", func(t *testing.T) {
		got, err := decide.EditMessage(here, message(), says("good bye"))
		when(t, got, err).then(&events.MessageEdited{Conversation: room, Number: 4, By: bob, Text: events.Private("good bye"), Mentions: []uuid.UUID{ada}})
	})
	t.Run("to somebody else", func(t *testing.T) {
		e := says("hello")
		e.Mentions = &[]uuid.UUID{bob, bob}
		got, err := decide.EditMessage(here, message(), e)
		when(t, got, err).then(&events.MessageEdited{Conversation: room, Number: 4, By: bob, Text: events.Private("hello"), Mentions: []uuid.UUID{bob}})
	})
	t.Run("to nobody", func(t *testing.T) {
		e := says("hello")
		e.Mentions = &[]uuid.UUID{}
		got, err := decide.EditMessage(here, message(), e)
		when(t, got, err).then(&events.MessageEdited{Conversation: room, Number: 4, By: bob, Text: events.Private("hello")})
	})
	t.Run("to who was there when it was said", func(t *testing.T) {
		e := says("hello")
		e.Mentions = &[]uuid.UUID{ada, bob}
		got, err := decide.EditMessage(given(group(cleo, bob)), message(), e)
		when(t, got, err).then(&events.MessageEdited{Conversation: room, Number: 4, By: bob, Text: events.Private("hello"), Mentions: []uuid.UUID{ada, bob}})
	})
	t.Run("not to who never was", func(t *testing.T) {
		e := says("hello")
		e.Mentions = &[]uuid.UUID{ada, cleo}
		got, err := decide.EditMessage(here, message(), e)
		when(t, got, err).thenRefused(decide.Invalid, "mentions")
	})
	t.Run("the same again is nothing", func(t *testing.T) {
		got, err := decide.EditMessage(here, message(&events.MessageEdited{By: bob, Text: events.Private("good bye")}), says("good bye"))
		when(t, got, err).then()
	})
	for name, text := range map[string]string{"nothing": "", "what nobody sees": " \n\u200b", "too much": strings.Repeat("a", decide.MaxText+1), "no text": "\xff"} {
		t.Run("it cannot say "+name, func(t *testing.T) {
			got, err := decide.EditMessage(here, message(), says(text))
			when(t, got, err).thenRefused(decide.Invalid, "text")
		})
	}
	for name, refused := range map[string]struct {
		by   uuid.UUID
		m    *decide.MessageState
		kind decide.Kind
	}{
		"another's is not edited":          {ada, message(), decide.Forbidden},
		"a retracted one is not":           {bob, message(retracted), decide.Taken},
		"another's words are not":          {bob, message(forwarded), decide.Taken},
		"what was never said is not":       {bob, unsaid, decide.Unknown},
		"nor is what a stranger speaks of": {cleo, message(), decide.Unknown},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := decide.EditMessage(here, refused.m, decide.Edit{Number: 4, By: refused.by, Text: "good bye"})
			when(t, got, err).thenRefused(refused.kind, "")
		})
	}
}

func TestRetractMessage(t *testing.T) {
	retract := func(c *decide.Conversation, m *decide.MessageState, by uuid.UUID) outcome {
		got, err := decide.RetractMessage(c, m, 4, by)
		return when(t, got, err)
	}
	here := given(group(ada, bob, cleo))
	retract(here, message(), bob).then(retracted)
	retract(here, message(forwarded), bob).then(retracted)
	retract(here, message(), ada).then(&events.MessageRetracted{Conversation: room, Number: 4, By: ada})
	retract(here, message(retracted), bob).then()
	retract(here, message(retracted), ada).then()
	retract(here, message(), cleo).thenRefused(decide.Forbidden, "")
	retract(given(direct(ada, bob)), message(), ada).thenRefused(decide.Forbidden, "")
	retract(here, unsaid, bob).thenRefused(decide.Unknown, "")
	retract(given(group(ada, cleo)), message(), bob).thenRefused(decide.Unknown, "")
}

func TestReact(t *testing.T) {
	here := given(group(ada, bob))
	added := func(user uuid.UUID, emoji string) events.Fact {
		return &events.ReactionAdded{Conversation: room, Number: 4, User: user, Emoji: emoji}
	}
	react := func(m *decide.MessageState, user uuid.UUID, emoji string) outcome {
		got, err := decide.React(here, m, 4, user, emoji)
		return when(t, got, err)
	}
	react(message(), ada, "👍").then(added(ada, "👍"))
	react(message(added(bob, "👍")), ada, "👍").then(added(ada, "👍"))
	react(message(added(ada, "👍")), ada, "❤").then(added(ada, "❤"))
	react(message(added(ada, "👍")), ada, "👍").then()
	react(message(added(ada, "❤️")), ada, "❤").then()
	react(message(added(bob, "❤️")), ada, "❤").then(added(ada, "❤️"))
	react(message(), ada, "ada").thenRefused(decide.Invalid, "emoji")
	react(message(retracted), ada, "👍").thenRefused(decide.Taken, "")
	react(unsaid, ada, "👍").thenRefused(decide.Unknown, "")
	react(message(), cleo, "👍").thenRefused(decide.Unknown, "")

	unreact := func(m *decide.MessageState, user uuid.UUID, emoji string) outcome {
		got, err := decide.Unreact(here, m, 4, user, emoji)
		return when(t, got, err)
	}
	unreact(message(added(ada, "❤️")), ada, "❤").then(&events.ReactionRemoved{Conversation: room, Number: 4, User: ada, Emoji: "❤️"})
	unreact(message(added(bob, "❤️")), ada, "❤").then()
	unreact(message(added(ada, "👍"), retracted), ada, "👍").then()
	unreact(message(), ada, "ada").thenRefused(decide.Invalid, "emoji")
	unreact(unsaid, ada, "👍").thenRefused(decide.Unknown, "")
	unreact(message(), cleo, "👍").thenRefused(decide.Unknown, "")
}

func TestPin(t *testing.T) {
	pinned := func(number uint64) events.Fact {
		return &events.MessagePinned{Conversation: room, Number: number, By: bob}
	}
	unpinned := &events.MessageUnpinned{Conversation: room, Number: 4, By: ada}
	pin := func(m *decide.MessageState, by uuid.UUID, past ...events.Fact) outcome {
		got, err := decide.Pin(given(append([]events.Fact{group(ada, bob)}, past...)...), m, 4, by)
		return when(t, got, err)
	}
	unpin := func(by uuid.UUID, past ...events.Fact) outcome {
		got, err := decide.Unpin(given(append([]events.Fact{group(ada, bob)}, past...)...), 4, by)
		return when(t, got, err)
	}
	var full []events.Fact
	for i := range decide.MaxPinned {
		full = append(full, pinned(uint64(10+i)))
	}
	pin(message(), bob).then(pinned(4))
	pin(message(), bob, pinned(4)).then()
	pin(message(), bob, pinned(4), unpinned).then(pinned(4))
	pin(message(), bob, full[1:]...).then(pinned(4))
	pin(message(), bob, full...).thenRefused(decide.Taken, "")
	pin(message(retracted), bob).thenRefused(decide.Taken, "")
	pin(unsaid, bob).thenRefused(decide.Unknown, "")
	pin(message(), cleo).thenRefused(decide.Unknown, "")
	unpin(ada, pinned(3), pinned(4)).then(unpinned)
	unpin(ada, pinned(3)).then()
	unpin(cleo, pinned(4)).thenRefused(decide.Unknown, "")
}

func TestForward(t *testing.T) {
	elsewhere := uuid.UUID{1}
	forward := func(m *decide.MessageState, by uuid.UUID) (decide.Message, error) {
		return decide.Forward(given(group(ada, bob)), m, 4, by, elsewhere)
	}
	for name, c := range map[string]struct {
		m      *decide.MessageState
		writer uuid.UUID
	}{"a message": {message(), bob}, "what was forwarded before": {message(forwarded), cleo}} {
		got, err := forward(c.m, ada)
		want := decide.Message{Conversation: elsewhere, Author: ada, Text: "hello", Forwarded: &events.Forwarded{Author: c.writer}}
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s: %v\n%s", name, err, diff)
		}
	}
	for kind, refused := range map[decide.Kind][]func() (decide.Message, error){
		decide.Taken: {
			func() (decide.Message, error) { return forward(message(retracted), ada) },
			func() (decide.Message, error) { return forward(message(&events.MessageEdited{By: bob}), ada) }, // forgotten
		},
		decide.Unknown: {
			func() (decide.Message, error) { return forward(unsaid, ada) },
			func() (decide.Message, error) { return forward(message(), cleo) },
		},
	} {
		for _, ask := range refused {
			_, err := ask()
			when(t, nil, err).thenRefused(kind, "")
		}
	}
}

func TestMentions(t *testing.T) {
	crowd := crowd(decide.MaxMentions + 1)
	here := given(group(append([]uuid.UUID{ada}, crowd...)...))
	post := func(mentions ...uuid.UUID) outcome {
		got, err := decide.Post(here, decide.Message{Conversation: room, Author: ada, Text: "look", Mentions: mentions})
		return when(t, got, err)
	}
	said := func(mentions ...uuid.UUID) events.Fact {
		return &events.MessagePosted{Conversation: room, Author: ada, Text: events.Private("look"), Mentions: mentions}
	}
	post(crowd[0], ada, crowd[0]).then(said(crowd[0], ada))
	post(slices.Repeat(crowd[:decide.MaxMentions], 2)...).then(said(crowd[:decide.MaxMentions]...))
	post(crowd...).thenRefused(decide.Invalid, "mentions")
	post(crowd[0], bob).thenRefused(decide.Invalid, "mentions")
}
