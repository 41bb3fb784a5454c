package decide_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"

	"parley/events"
	"parley/events/decide"
)

func TestPost(t *testing.T) {
	says := func(text string) decide.Message {
		return decide.Message{Conversation: room, Author: bob, Text: text}
	}
	t.Run("a participant says something", func(t *testing.T) {
		got, err := decide.Post(given(group(ada, bob)), says("hello\nthere"))
		when(t, got, err).then(&events.MessagePosted{Conversation: room, Author: bob, Text: events.Private("hello\nthere")})
	})
	t.Run("and answers", func(t *testing.T) {
		first, m := uint64(0), says("yes")
		m.ReplyTo, m.Answered = &first, true
		got, err := decide.Post(given(group(ada, bob)), m)
		when(t, got, err).then(&events.MessagePosted{Conversation: room, Author: bob, Text: events.Private("yes"), ReplyTo: &first})
	})
	t.Run("but not what was never said", func(t *testing.T) {
		seventh, m := uint64(7), says("yes")
		m.ReplyTo = &seventh
		got, err := decide.Post(given(group(ada, bob)), m)
		when(t, got, err).thenRefused(decide.Invalid, "replyTo")
	})
	t.Run("20,000 characters are said", func(t *testing.T) {
		long := strings.Repeat("ß", decide.MaxText)
		got, err := decide.Post(given(group(ada, bob)), says(long))
		when(t, got, err).then(&events.MessagePosted{Conversation: room, Author: bob, Text: events.Private(long)})
	})
	for name, text := range map[string]string{
		"20,001 are not":         strings.Repeat("ß", decide.MaxText+1),
		"nothing is not said":    "",
		"nor what nobody sees":   " \t\n\u00a0\u200b",
		"broken UTF-8 is not":    "a\xc3\x28",
		"a NUL ends no sentence": "a\x00b",
	} {
		t.Run(name, func(t *testing.T) {
			got, err := decide.Post(given(group(ada, bob)), says(text))
			when(t, got, err).thenRefused(decide.Invalid, "text")
		})
	}
	t.Run("a stranger is not heard", func(t *testing.T) {
		got, err := decide.Post(given(group(ada, cleo)), says("hello"))
		when(t, got, err).thenRefused(decide.Unknown, "")
	})
	t.Run("nor is who has left", func(t *testing.T) {
		c := given(group(ada, bob), &events.ParticipantRemoved{Conversation: room, User: bob, By: bob})
		got, err := decide.Post(c, says("hello"))
		when(t, got, err).thenRefused(decide.Unknown, "")
	})
}

// what becomes of a message of ada's.
func TestEvolveMessage(t *testing.T) {
	edited := func(by uuid.UUID, text string) events.Fact {
		return &events.MessageEdited{Conversation: room, By: by, Text: events.Private(text), Mentions: []uuid.UUID{cleo}}
	}
	given := func(user uuid.UUID, emoji string) events.Fact {
		return &events.ReactionAdded{Conversation: room, User: user, Emoji: emoji}
	}
	taken := func(user uuid.UUID, emoji string) events.Fact {
		return &events.ReactionRemoved{Conversation: room, User: user, Emoji: emoji}
	}
	posted := &events.MessagePosted{Conversation: room, Author: ada, Text: events.Private("a"), Mentions: []uuid.UUID{bob}}
	passedOn := &events.MessagePosted{Conversation: room, Author: ada, Text: events.Private("a"), Forwarded: &events.Forwarded{Author: bob}}
	retracted := &events.MessageRetracted{Conversation: room, By: ada}
	two := func(emoji string) decide.Reaction { return decide.Reaction{Emoji: emoji, Users: []uuid.UUID{ada, bob}} }
	for name, c := range map[string]struct {
		past []events.Fact
		want decide.MessageState
	}{
		"posted":                   {[]events.Fact{posted}, decide.MessageState{Author: ada, Text: "a", Mentions: []uuid.UUID{bob}}},
		"edited":                   {[]events.Fact{posted, edited(ada, "b")}, decide.MessageState{Author: ada, Text: "b", Mentions: []uuid.UUID{cleo}}},
		"edited by another":        {[]events.Fact{posted, edited(bob, "b")}, decide.MessageState{Author: ada, Text: "a", Mentions: []uuid.UUID{bob}}},
		"passed on and edited":     {[]events.Fact{passedOn, edited(ada, "b")}, decide.MessageState{Author: ada, Forwarded: &events.Forwarded{Author: bob}, Text: "a"}},
		"retracted":                {[]events.Fact{posted, given(bob, "👍"), retracted}, decide.MessageState{Author: ada, Retracted: true}},
		"changed after retraction": {[]events.Fact{posted, retracted, edited(ada, "b"), given(bob, "👍"), retracted}, decide.MessageState{Author: ada, Retracted: true}},
		"changed before it was":    {[]events.Fact{edited(ada, "b"), given(bob, "👍"), retracted}, decide.MessageState{}},
		"given emoji": {[]events.Fact{posted, edited(ada, ""), given(ada, "👍"), given(ada, "❤️"), given(bob, "❤"), given(bob, "👍"), given(bob, "👍")},
			decide.MessageState{Author: ada, Mentions: []uuid.UUID{cleo}, Reactions: []decide.Reaction{two("👍"), two("❤️")}}},
		"emoji taken back": {[]events.Fact{posted, edited(ada, ""), given(ada, "👍"), given(ada, "❤️"), given(bob, "❤️"), taken(ada, "👍"), taken(ada, "❤"), taken(cleo, "❤")},
			decide.MessageState{Author: ada, Mentions: []uuid.UUID{cleo}, Reactions: []decide.Reaction{{Emoji: "❤️", Users: []uuid.UUID{bob}}}}},
	} {
		t.Run(name, func(t *testing.T) {
			var got decide.MessageState
			for _, fact := range c.past {
				before := fmt.Sprint(got)
				if changed := decide.EvolveMessage(&got, fact); changed != (fmt.Sprint(got) != before) {
					t.Errorf("%T: changed is %t, from %s to %v", fact, changed, before, got)
				}
			}
			if diff := cmp.Diff(c.want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestReactionsAreBounded(t *testing.T) {
	var m decide.MessageState
	decide.EvolveMessage(&m, &events.MessagePosted{Conversation: room, Author: ada, Text: events.Private("a")})
	add := func(i int, emoji rune) bool {
		return decide.EvolveMessage(&m, &events.ReactionAdded{Conversation: room, User: uuid.UUID{14: byte(i >> 8), 15: byte(i)}, Emoji: string(emoji)})
	}
	for i := range decide.MaxEmoji {
		if !add(0, '😀'+rune(i)) {
			t.Fatalf("emoji %d has no effect", i)
		}
	}
	if add(0, '🙂'+decide.MaxEmoji) {
		t.Error("one emoji too many has an effect")
	}
	for i := 1; i <= decide.MaxReactions-decide.MaxEmoji; i++ {
		if !add(i, '😀') {
			t.Fatalf("user %d has no effect", i)
		}
	}
	if add(decide.MaxReactions, '😀') {
		t.Error("one reaction too many has an effect")
	}
}
