package bench

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"parley/events"
)

// historyDays is how much time the replayed history covers.
const historyDays = 3 * 365

// historyBegin is its first day.
var historyBegin = time.Date(2012, time.March, 25, 0, 0, 0, 0, time.UTC)

// Of a thousand events so many are of each kind; the rest are messages.
const (
	registrationShare = 50 // each user's two events
	beginningShare    = 10
	receiptShare      = 20
)

// burst is how many messages follow each other in a conversation at most.
const burst = 24

// writersAtOnce is how many appends wait for one commit together.
const writersAtOnce = 256

var products = []string{"messenger", "messenger", "messenger", "rooms", "moments"}

// history writes a log as it would have come about: day by day people
// register, start conversations, talk in bursts and read. What is written
// depends on the random source alone, but for ids, seals and the order within
// a day.
type history struct {
	journal *events.Journal
	random  *rand.Rand
	day     time.Time

	users         []uuid.UUID
	conversations []talk
	written       int
	messages      int
}

// talk is a conversation and what was said in it.
type talk struct {
	id       uuid.UUID
	people   []uuid.UUID
	messages int
}

// writeHistory writes about so many events.
func writeHistory(ctx context.Context, journal *events.Journal, count int, shown progress) (*history, error) {
	h := &history{journal: journal, random: rand.New(rand.NewPCG(2012, 2015))}
	for day := range historyDays {
		h.day = historyBegin.AddDate(0, 0, day)
		before := h.written
		if err := h.writeDay(ctx, count*(day+1)/historyDays-h.written); err != nil {
			return nil, fmt.Errorf("writing the %s: %w", h.day.Format(time.DateOnly), err)
		}
		shown.add(h.written - before)
	}
	return h, nil
}

// writeDay writes about so many events. What later ones rest on is in the log
// before them.
func (h *history) writeDay(ctx context.Context, count int) error {
	for _, step := range []struct {
		kind   func() writing
		events int
	}{
		{h.registration, h.share(count, registrationShare)},
		{h.beginning, h.share(count, beginningShare)},
		{h.receipt, h.share(count, receiptShare)},
		{h.burst, count * (1000 - registrationShare - beginningShare - receiptShare) / 1000},
	} {
		group, ctx := errgroup.WithContext(ctx)
		group.SetLimit(writersAtOnce)
		for end := h.written + step.events; h.written < end; {
			write := step.kind()
			if write == nil {
				break
			}
			group.Go(func() error { return write(ctx, h.journal) })
		}
		if err := group.Wait(); err != nil {
			return err
		}
	}
	return nil
}

// share is a part in a thousand, rounded up or down at random.
func (h *history) share(count, thousandths int) int {
	return (count*thousandths + h.random.IntN(1000)) / 1000
}

// writing appends what was decided for one stream, or for one user's two.
type writing func(context.Context, *events.Journal) error

// sometime is a moment of the day.
func (h *history) sometime() time.Time {
	return h.day.Add(time.Duration(h.random.Int64N(int64(24 * time.Hour))))
}

func (h *history) registration() writing {
	user := h.journal.NewID()
	handle := fmt.Sprintf("user%d", len(h.users))
	h.users = append(h.users, user)
	h.written += 2
	cause := events.Cause{Actor: user.String(), OccurredAt: h.sometime()}
	registered := &events.UserRegistered{
		User:        user,
		Handle:      events.Private(handle),
		DisplayName: events.Private("The " + handle),
		Product:     products[h.random.IntN(len(products))],
	}
	return func(ctx context.Context, journal *events.Journal) error {
		stream := events.HandleStream(journal.Keys.Pseudonym(handle))
		if _, err := journal.Append(ctx, stream, events.NoStream, cause, &events.HandleClaimed{User: user}); err != nil {
			return err
		}
		_, err := journal.Append(ctx, events.UserStream(user), events.NoStream, cause, registered)
		return err
	}
}

// beginning starts a conversation of two people, or in three of ten cases of
// more. There is none before there are people.
func (h *history) beginning() writing {
	size := 2
	if h.random.IntN(10) < 3 {
		size = 3 + h.random.IntN(10)
	}
	people := h.some(size)
	if len(people) < 2 {
		return nil
	}
	started := &events.ConversationStarted{
		Conversation: h.journal.NewID(),
		Kind:         events.Group,
		Starter:      people[0],
		Title:        events.Private(chatter(h.random, 20)),
		Participants: people,
	}
	h.conversations = append(h.conversations, talk{id: started.Conversation, people: people})
	h.written++
	cause := events.Cause{Actor: people[0].String(), OccurredAt: h.sometime()}
	return func(ctx context.Context, journal *events.Journal) error {
		_, err := journal.Append(ctx, events.ConversationStream(started.Conversation), events.NoStream, cause, started)
		return err
	}
}

// some are up to so many different people.
func (h *history) some(count int) []uuid.UUID {
	chosen := make(map[int]bool, count)
	var people []uuid.UUID
	for len(people) < min(count, len(h.users)) {
		if i := h.random.IntN(len(h.users)); !chosen[i] {
			chosen[i] = true
			people = append(people, h.users[i])
		}
	}
	return people
}

// conversation is one of those that are talked in, the younger ones more
// often; nil if there is none yet.
func (h *history) conversation() *talk {
	if len(h.conversations) == 0 {
		return nil
	}
	age := int(h.random.ExpFloat64() * float64(len(h.conversations)) / 4)
	return &h.conversations[len(h.conversations)-1-age%len(h.conversations)]
}

func (h *history) burst() writing {
	talk := h.conversation()
	if talk == nil {
		return nil
	}
	at := h.sometime()
	entries := make([]events.Entry, 1+h.random.IntN(burst))
	for i := range entries {
		author := talk.people[h.random.IntN(len(talk.people))]
		at = at.Add(time.Duration(h.random.Int64N(int64(time.Minute))))
		entries[i] = events.Entry{
			Cause: events.Cause{Actor: author.String(), OccurredAt: at},
			Fact: &events.MessagePosted{
				Conversation: talk.id,
				Author:       author,
				Text:         events.Private(chatter(h.random, 10+h.random.IntN(150))),
			},
		}
	}
	stream := events.MessagesStream(talk.id)
	talk.messages += len(entries)
	h.messages += len(entries)
	h.written += len(entries)
	return func(ctx context.Context, journal *events.Journal) error {
		_, err := journal.AppendEach(ctx, stream, events.Any, entries...)
		return err
	}
}

func (h *history) receipt() writing {
	talk := h.conversation()
	if talk == nil || talk.messages == 0 {
		return nil
	}
	user := talk.people[h.random.IntN(len(talk.people))]
	read := &events.ReadUpTo{Conversation: talk.id, User: user, Number: uint64(talk.messages - 1)}
	cause := events.Cause{Actor: user.String(), OccurredAt: h.sometime()}
	h.written++
	return func(ctx context.Context, journal *events.Journal) error {
		_, err := journal.Append(ctx, events.ReceiptsStream(talk.id), events.Any, cause, read)
		return err
	}
}
