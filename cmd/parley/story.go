package main

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"parley/events"
	"parley/events/commands"
	"parley/events/decide"
)

// opening is the day on which the demo's story ends: the first of F8 2015.
var opening = time.Date(2015, time.March, 25, 9, 0, 0, 0, time.UTC)

type character struct {
	handle, name, product string
	// joined is how many days before the opening.
	joined int
}

var cast = []character{
	{"mara", "Mara Lindqvist", "messenger", 140},
	{"teo", "Teo Okafor", "messenger", 138},
	{"june", "June Castellano", "messenger", 121},
	{"ravi", "Ravi Menon", "rooms", 97},
	{"ines", "Inês Duarte", "messenger", 80},
	{"kofi", "Kofi Asante", "rooms", 61},
	{"yuki", "Yuki Tanabe", "messenger", 45},
	{"lena", "Lena Vogt", "moments", 33},
	{"noor", "Noor Aziz", "messenger", 30},
	{"omar", "Omar Haddad", "moments", 20},
	{"pilar", "Pilar Rojas", "moments", 12},
	{"sven", "Sven Aaltonen", "moments", 6},
	{"dora", "Dóra Kiss", "messenger", 2},
}

type line struct {
	who, text string
	// before is how long before the opening it was said.
	before time.Duration
	// replyTo counts the lines of the scene from 1; 0 is no reply.
	replyTo int
}

// deed is what somebody did to a line of the scene: they gave it an emoji, gave
// it another text, reported it, or pinned it.
type deed struct {
	who    string
	line   int // counted from 1
	emoji  string
	text   string
	reason string
	before time.Duration
}

type scene struct {
	title  string
	people []string
	lines  []line
	deeds  []deed
}

const day = 24 * time.Hour

var scenes = []scene{
	{people: []string{"mara", "teo"}, lines: []line{
		{"mara", "Teo! You made it. Is the old number still yours?", 137 * day, 0},
		{"teo", "No, only this from now on. It follows me to every telephone.", 137*day - time.Minute, 0},
		{"mara", "Then bring the tent on Saturday.", 137*day - 2*time.Minute, 0},
		{"teo", "Done. 🏕️", 137*day - 3*time.Minute, 3},
	}, deeds: []deed{
		{who: "mara", line: 4, emoji: "🎉", before: 137*day - 4*time.Minute},
	}},
	{title: "Weekend by the lake", people: []string{"june", "mara", "teo", "ines", "yuki"}, lines: []line{
		{"june", "Who drives? I have room for two and one dog.", 44 * day, 0},
		{"yuki", "I come by train. The 8:14 stops at the lake.", 44*day - 5*time.Minute, 0},
		{"ines", "Dog, please. And me.", 44*day - 7*time.Minute, 1},
		{"mara", "Teo brings the tent, or so he promised in November.", 44*day - 20*time.Minute, 0},
		{"teo", "It is written down somewhere immutable, so I have to.", 44*day - 21*time.Minute, 4},
	}, deeds: []deed{
		{who: "yuki", line: 2, text: "I come by train. The 8:41 stops at the lake.", before: 44*day - 6*time.Minute},
		{who: "june", line: 2, before: 44*day - 8*time.Minute},
		{who: "ines", line: 5, emoji: "😂", before: 44*day - 22*time.Minute},
		{who: "mara", line: 5, emoji: "😂", before: 44*day - 23*time.Minute},
		{who: "june", line: 5, emoji: "🏕️", before: 44*day - 30*time.Minute},
	}},
	{title: "Opening day", people: []string{"ravi", "kofi", "lena", "omar", "pilar", "sven", "dora", "mara"}, lines: []line{
		{"ravi", "Two hours to go. Is everybody in?", 2 * time.Hour, 0},
		{"lena", "In the third row. They are testing the lights.", 110 * time.Minute, 0},
		{"omar", "From today, apps may talk in here as well?", 90 * time.Minute, 0},
		{"kofi", "Pictures that move, sounds, orders from shops. All as events.", 88 * time.Minute, 3},
		{"dora", "I have been here for two days and already have unread messages.", 40 * time.Minute, 0},
		{"pilar", "Welcome! You will never catch up, nobody has.", 38 * time.Minute, 5},
		{"sven", "It begins.", 0, 0},
	}, deeds: []deed{
		{who: "mara", line: 4, emoji: "👀", before: 80 * time.Minute},
		{who: "dora", line: 6, emoji: "❤️", before: 37 * time.Minute},
		{who: "dora", line: 6, reason: "Is this a threat? I have only been here for two days.", before: 36 * time.Minute},
		{who: "lena", line: 7, emoji: "🚀"},
		{who: "ravi", line: 7, emoji: "🚀"},
		{who: "kofi", line: 7, emoji: "👏"},
	}},
}

// told is who and what is in the story: people by their handles, and the
// conversations of the scenes.
type told struct {
	people map[string]uuid.UUID
	rooms  []uuid.UUID
}

// tell writes the story through the same commands as HTTP. Each step has an
// idempotency key, so telling it again adds nothing.
func tell(ctx context.Context, c *commands.Commands) (told, error) {
	people := make(map[string]uuid.UUID, len(cast))
	for _, p := range cast {
		id, err := enter(ctx, c, p)
		if err != nil {
			return told{}, fmt.Errorf("registering %s: %w", p.handle, err)
		}
		people[p.handle] = id
	}
	rooms := make([]uuid.UUID, len(scenes))
	for i, s := range scenes {
		var err error
		if rooms[i], err = play(ctx, c, i, s, people); err != nil {
			return told{}, fmt.Errorf("scene %d: %w", i+1, err)
		}
	}
	if err := trade(ctx, c, people); err != nil {
		return told{}, fmt.Errorf("the order: %w", err)
	}
	return told{people, rooms}, nil
}

func enter(ctx context.Context, c *commands.Commands, p character) (uuid.UUID, error) {
	id, known, err := c.UserByHandle(ctx, p.handle)
	if err != nil || known {
		return id, err
	}
	cause := events.Cause{OccurredAt: opening.Add(-time.Duration(p.joined) * day)}
	registered, err := c.Register(ctx, cause, decide.Registration{
		Handle: p.handle, DisplayName: p.name, Product: p.product,
	})
	if err != nil {
		return uuid.Nil, err
	}
	return registered.Fact.(*events.UserRegistered).User, nil
}

func play(ctx context.Context, c *commands.Commands, number int, s scene, people map[string]uuid.UUID) (uuid.UUID, error) {
	cause := func(who string, before time.Duration, step int) events.Cause {
		return events.Cause{
			Actor:          people[who].String(),
			OccurredAt:     opening.Add(-before),
			IdempotencyKey: fmt.Sprintf("story %d.%d", number, step),
		}
	}
	b := decide.Beginning{Kind: events.Group, Title: s.title, Starter: people[s.people[0]]}
	if s.title == "" {
		b.Kind = events.Direct
	}
	for _, who := range s.people[1:] {
		b.Others = append(b.Others, people[who])
	}
	started, _, err := c.Start(ctx, cause(s.people[0], s.lines[0].before+time.Minute, 0), b)
	if err != nil {
		return uuid.Nil, err
	}
	conversation := started.Fact.(*events.ConversationStarted).Conversation
	var said []uint64
	for i, l := range s.lines {
		m := decide.Message{Conversation: conversation, Author: people[l.who], Text: l.text}
		if l.replyTo > 0 {
			m.ReplyTo = &said[l.replyTo-1]
		}
		posted, err := c.Post(ctx, cause(l.who, l.before, i+1), m)
		if err != nil {
			return uuid.Nil, err
		}
		said = append(said, posted.Revision)
	}
	for i, d := range s.deeds {
		err := d.do(ctx, c, cause(d.who, d.before, len(s.lines)+1+i), conversation, people[d.who], said[d.line-1])
		// Whoever plays with the demo may have retracted the line meanwhile.
		if err := allowed(err); err != nil {
			return uuid.Nil, err
		}
	}
	return conversation, nil
}

// do is without effect when it was done before.
func (d deed) do(ctx context.Context, c *commands.Commands, cause events.Cause, conversation, who uuid.UUID, number uint64) (err error) {
	switch {
	case d.emoji != "":
		_, err = c.React(ctx, cause, conversation, number, who, d.emoji)
	case d.text != "":
		_, err = c.EditMessage(ctx, cause, conversation, decide.Edit{Number: number, By: who, Text: d.text})
	case d.reason != "":
		_, _, err = c.ReportMessage(ctx, cause, decide.Reporting{Conversation: conversation, Number: number, By: who, Reason: d.reason})
	default:
		_, err = c.Pin(ctx, cause, conversation, number, who)
	}
	return err
}
