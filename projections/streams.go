package projections

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"

	"github.com/google/uuid"

	"parley/events"
	"parley/projections/live"
)

// DefaultMostMissed is how many events a reader is told of who comes back.
// Whoever missed more reads what there is now with less work for both.
const DefaultMostMissed = 10_000

// StartOver tells a reader that the position they have is of no use, and that
// they should read their conversations anew.
type StartOver struct {
	// Reason is unknown-position or too-far-behind.
	Reason string `json:"reason"`
	Detail string `json:"detail"`
	// UpTo is the position to go on from once that is done.
	UpTo events.Position `json:"upTo"`
}

func unknownPosition(upTo events.Position) *StartOver {
	return &StartOver{"unknown-position", "the log does not reach this position; it is not the one that the position is of", upTo}
}

func tooFarBehind(upTo events.Position) *StartOver {
	return &StartOver{"too-far-behind", "so much happened after this position that to read what there is now is less work", upTo}
}

// Stream is what one reader gets: first what they missed, then what happens.
// Close it.
type Stream struct {
	*live.Subscription
	// Begin is the position from which the stream goes on.
	Begin events.Position

	startOver *StartOver
	missed    *Missed // or nil
}

// Open begins a stream. A reader who comes back gives the position that they
// have. The reader's streams so far and who they are is for the caller to
// check, but not whether they are in the conversation.
//
// Errors: ErrNotFound, ErrNotParticipant, ErrBehind, ErrStopped, those of
// live.Hub's Subscribe and of the log.
func (f *Feed) Open(ctx context.Context, reader live.Reader, last *events.Position) (_ *Stream, err error) {
	select {
	case <-f.begun:
	case <-ctx.Done():
		return nil, fmt.Errorf("live events: %w: %w", ErrBehind, ctx.Err())
	}
	s := new(Stream)
	if s.Subscription, err = f.hub.Subscribe(reader); err != nil {
		return nil, err
	}
	if err := f.start(ctx, s, last); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// start waits until the views show all that comes before the subscription:
// what is read of them afterwards, and what is told, leave nothing out.
func (f *Feed) start(ctx context.Context, s *Stream, last *events.Position) error {
	s.Begin = s.Since()
	if err := f.views.Wait(ctx, ConversationsName, s.Begin); err != nil {
		return err
	}
	if err := f.admit(ctx, s.Reader); err != nil || last == nil {
		return err
	}
	if *last > s.Begin {
		return f.skip(ctx, s, *last)
	}
	missed, err := f.views.Missed(ctx, Reader{s.User, s.Conversation}, *last, s.Begin)
	switch {
	case err != nil:
		return err
	case missed.Events > f.MostMissed:
		s.startOver = tooFarBehind(s.Begin)
	default:
		s.Begin, s.missed = *last, missed
	}
	return nil
}

func (f *Feed) admit(ctx context.Context, reader live.Reader) error {
	if reader.Conversation == uuid.Nil {
		return nil
	}
	participates, err := f.views.Conversations.IsParticipant(ctx, reader.Conversation, reader.User)
	if err == nil && !participates {
		err = ErrNotParticipant
	}
	return err
}

// skip goes on from a position that was not published here yet, as the reader
// heard of it elsewhere.
func (f *Feed) skip(ctx context.Context, s *Stream, last events.Position) error {
	tip, err := events.Tip(ctx, f.views.log)
	if err != nil {
		return err
	}
	if last > tip {
		s.startOver = unknownPosition(s.Begin)
		return nil
	}
	s.Begin = last
	s.Skip(last)
	return nil
}

// Forget lets go of what was missed, once it was told.
func (s *Stream) Forget() { s.missed, s.startOver = nil, nil }

// Missed yields the frames of what happened before the subscription, once.
func (s *Stream) Missed(ctx context.Context) iter.Seq2[*live.Frame, error] {
	return func(yield func(*live.Frame, error) bool) {
		if s.startOver != nil {
			data, err := json.Marshal(s.startOver)
			yield(live.NewFrame(s.startOver.UpTo, "startOver", data), err)
			return
		}
		if s.missed == nil {
			return
		}
		for change, err := range s.missed.Changes(ctx) {
			if err != nil {
				yield(nil, err)
				return
			}
			if !yield(frameOf(change), nil) {
				return
			}
		}
	}
}
