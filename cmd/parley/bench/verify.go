package bench

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"parley/events"
	"parley/projections"
)

// storedSize is the mean size of the messages in the log so far: what an event
// cannot be stored without.
func (s *sending) storedSize(ctx context.Context) (int, error) {
	size, count := 0, 0
	for _, room := range s.town.rooms {
		for e, err := range s.house.Journal.Log.Read(ctx, events.MessagesStream(room), 0, events.Forwards, 0) {
			if err != nil {
				return 0, err
			}
			size += len(e.Data) + len(e.Metadata) + len(e.Type) + len(e.Stream) + len(e.ID)
			count++
		}
	}
	if count == 0 {
		return 0, fmt.Errorf("no message was stored")
	}
	return size / count, nil
}

// verify checks all that was acknowledged, room by room, against the log and
// the view.
func (s *sending) verify(ctx context.Context) error {
	shown := s.options.begin("checking what was acknowledged", len(s.town.rooms))
	defer shown.end()
	if err := s.house.Views.CatchUp(ctx); err != nil {
		return err
	}
	for room := range s.town.rooms {
		if err := s.verifyRoom(ctx, room); err != nil {
			return fmt.Errorf("conversation %s: %w", s.town.rooms[room], err)
		}
		shown.add(1)
	}
	acknowledged := 0
	for _, c := range s.senders {
		acknowledged += len(c.(*sender).acknowledged)
	}
	if s.checked != acknowledged {
		return fmt.Errorf("%d messages are in the log, %d were acknowledged", s.checked, acknowledged)
	}
	return nil
}

// verifyRoom reads a conversation's messages in the log and in the view side
// by side. Each must be where its acknowledgement says; since no two
// acknowledgements name the same place, none is there twice.
func (s *sending) verifyRoom(ctx context.Context, room int) error {
	id := s.town.rooms[room]
	var page []projections.Message
	revision := uint64(0)
	for event, err := range s.house.Journal.History(ctx, events.MessagesStream(id), 0) {
		if err == nil {
			err = s.house.Journal.Open(ctx, event)
		}
		if err != nil {
			return err
		}
		if len(page) == 0 {
			if page, err = s.pageFrom(ctx, id, revision); err != nil {
				return err
			}
		}
		if err := s.verifyMessage(room, event, page[0]); err != nil {
			return fmt.Errorf("message %d: %w", revision, err)
		}
		page = page[1:]
		revision++
	}
	s.checked += int(revision)
	more, err := s.house.Views.Conversations.Page(ctx, id, projections.Range{After: before(revision), Limit: 1})
	if err == nil && len(more.Messages) > 0 {
		err = fmt.Errorf("the view shows a message %d that is not in the log", more.Messages[0].Number)
	}
	return err
}

// pageFrom reads messages of the view that begin with a number.
func (s *sending) pageFrom(ctx context.Context, room uuid.UUID, number uint64) ([]projections.Message, error) {
	page, err := s.house.Views.Conversations.Page(ctx, room, projections.Range{After: before(number), Limit: projections.MaxPage})
	if err != nil {
		return nil, err
	}
	if len(page.Messages) == 0 {
		return nil, fmt.Errorf("message %d is in the log, but not in the view", number)
	}
	return page.Messages, nil
}

func before(number uint64) *int64 {
	after := int64(number) - 1
	return &after
}

func (s *sending) verifyMessage(room int, event events.Event, seen projections.Message) error {
	posted, ok := event.Fact.(*events.MessagePosted)
	if !ok {
		return fmt.Errorf("the log has a %T", event.Fact)
	}
	by, number, err := parseMark(posted.Text.Plain)
	if err != nil {
		return err
	}
	if by >= len(s.senders) || number >= len(s.senders[by].(*sender).acknowledged) {
		return fmt.Errorf("%q was never acknowledged", posted.Text.Plain)
	}
	if place := s.senders[by].(*sender).acknowledged[number]; place != (placeOf{room, event.Revision}) {
		return fmt.Errorf("%q was acknowledged as number %d of conversation %s", posted.Text.Plain, place.number, s.town.rooms[place.room])
	}
	if seen.Number != event.Revision || seen.Text != posted.Text.Plain || seen.Author != posted.Author {
		return fmt.Errorf("the view shows message %d of %s in its place: %q", seen.Number, seen.Author, seen.Text)
	}
	return nil
}
