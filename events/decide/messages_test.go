package decide_test

import (
	"strings"
	"testing"

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

func TestMarkRead(t *testing.T) {
	t.Run("a participant has read so far", func(t *testing.T) {
		got, err := decide.MarkRead(given(group(ada, bob)), bob, 4, true)
		when(t, got, err).then(&events.ReadUpTo{Conversation: room, User: bob, Number: 4})
	})
	t.Run("not further than there is to read", func(t *testing.T) {
		got, err := decide.MarkRead(given(group(ada, bob)), bob, 4, false)
		when(t, got, err).thenRefused(decide.Invalid, "upTo")
	})
	t.Run("a stranger reads nothing", func(t *testing.T) {
		got, err := decide.MarkRead(given(group(ada, bob)), cleo, 4, true)
		when(t, got, err).thenRefused(decide.Unknown, "")
	})
}
