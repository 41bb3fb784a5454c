package projections

import (
	"context"

	"github.com/google/uuid"

	"parley/events"
)

// Sync is a page of what changed in a user's conversations, oldest first.
type Sync struct {
	Events []Change `json:"events"`
	// Next is the URL path of what follows, or nil when there is nothing more.
	Next *string `json:"next"`
	// StartOver says that the position is of no use, for Reason, and that what
	// there is now is to be read anew.
	StartOver bool `json:"startOver"`
	// Reason is nil, unknown-position or too-far-behind.
	Reason *string `json:"reason"`
	// UpTo is the position that whoever has taken this page is at.
	UpTo events.Position `json:"upTo"`
}

// Sync returns what changed in a user's conversations after a position, up to
// the log's present tip: at most limit events. It waits until the views show
// all of that.
//
// Errors: ErrBehind, ErrStopped and those of the log.
func (s *Set) Sync(ctx context.Context, user uuid.UUID, after events.Position, limit int) (Sync, error) {
	tip, err := events.Tip(ctx, s.log)
	if err != nil {
		return Sync{}, err
	}
	if after > tip {
		return startingOver(unknownPosition(tip)), nil
	}
	if err := s.Wait(ctx, ConversationsName, tip); err != nil {
		return Sync{}, err
	}
	missed, err := s.Missed(ctx, Reader{User: user}, after, tip)
	if err != nil {
		return Sync{}, err
	}
	if missed.Events > DefaultMostMissed {
		return startingOver(tooFarBehind(tip)), nil
	}
	return missed.page(ctx, limit)
}

func startingOver(why *StartOver) Sync {
	return Sync{Events: []Change{}, StartOver: true, Reason: &why.Reason, UpTo: why.UpTo}
}

// page takes the first changes. With a limit reached, more may follow, and
// Next is empty for the caller to set.
func (m *Missed) page(ctx context.Context, limit int) (Sync, error) {
	page := Sync{Events: []Change{}, UpTo: m.upTo}
	for change, err := range m.Changes(ctx) {
		if err != nil {
			return Sync{}, err
		}
		if len(page.Events) == limit {
			page.Next, page.UpTo = new(string), page.Events[limit-1].Position
			break
		}
		page.Events = append(page.Events, change)
	}
	return page, nil
}
