package projections

import (
	"container/heap"
	"context"
	"errors"
	"iter"
	"slices"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"parley/events"
)

// Reader is who is told of changes, and of which.
type Reader struct {
	User uuid.UUID
	// Conversation is the one that is read; zero for all of the user's.
	Conversation uuid.UUID
}

// Missed is what a reader missed: the events of their conversations after a
// position and up to another one. It is for one goroutine.
type Missed struct {
	// Events is how many there are; a few of them may not be worth telling.
	Events int

	views *Set
	user  uuid.UUID
	upTo  events.Position
	tails tails
}

// tail is a part of one stream, of which some events were read ahead.
type tail struct {
	stream      string
	since       events.Position
	single      bool   // only the first event after since
	first, next uint64 // revisions: those not yet read begin and end here
	ahead       int    // how many were read ahead last
	read        []events.Recorded
}

const (
	// tailsAtOnce bounds how many streams are read at a time, and tailsMost how
	// many are read at all.
	tailsAtOnce = 16
	tailsMost   = 3 * DefaultMostMissed
	// What is read ahead of one stream doubles between these bounds.
	leastAhead, mostAhead = 4, 64
)

// Missed finds what a reader missed. The view of conversations must have
// passed upTo. What happened in a conversation before the reader joined it is
// left out, and so is all of those that they have left but that they did. Who
// acts for a merchant reads its conversations too. It waits until the view of
// orders has passed upTo as well.
//
// Errors: ErrNotParticipant if the reader is not in the one conversation, those
// of Wait, and those of the log.
func (s *Set) Missed(ctx context.Context, reader Reader, after, upTo events.Position) (*Missed, error) {
	if err := s.Wait(ctx, OrdersName, upTo); err != nil {
		return nil, err
	}
	memberships, err := s.Conversations.memberships(ctx, reader.User)
	if err != nil {
		return nil, err
	}
	m := &Missed{views: s, user: reader.User, upTo: upTo}
	if reader.Conversation != uuid.Nil {
		return m, m.ofOne(ctx, reader, memberships[reader.Conversation], after)
	}
	for conversation, joined := range memberships {
		m.add(conversation, max(after, joined-1))
	}
	if err := m.addOrders(ctx, reader.User, after, memberships); err != nil {
		return nil, err
	}
	if err := m.addMerchants(ctx, reader.User, after, memberships); err != nil {
		return nil, err
	}
	departures, err := s.Conversations.departures(ctx, reader.User, after)
	if err != nil {
		return nil, err
	}
	for conversation, left := range departures {
		m.tails = append(m.tails, &tail{stream: events.ConversationStream(conversation), since: left - 1, single: true})
	}
	return m, m.measure(ctx)
}

// ofOne is about one conversation, which the reader joined at a position, or is
// in as an agent of its merchant: then that is Beginning.
func (m *Missed) ofOne(ctx context.Context, reader Reader, joined, after events.Position) error {
	participates, err := m.views.Conversations.IsParticipant(ctx, reader.Conversation, reader.User)
	if err == nil && !participates {
		err = ErrNotParticipant
	}
	if err != nil {
		return err
	}
	m.add(reader.Conversation, max(after, max(joined, 1)-1))
	// A business conversation has one member, its customer.
	members, err := m.views.Conversations.Members(ctx, reader.Conversation)
	if err != nil {
		return err
	}
	if len(members) == 1 {
		for customer, since := range members {
			joined := map[uuid.UUID]events.Position{reader.Conversation: since}
			if err := m.addOrders(ctx, customer, after, joined); err != nil {
				return err
			}
		}
	}
	return m.measure(ctx)
}

// addOrders has a customer's orders told after a position, in the conversations
// given with where the customer joined them.
func (m *Missed) addOrders(ctx context.Context, customer uuid.UUID, after events.Position, joined map[uuid.UUID]events.Position) error {
	changed, err := m.views.Orders.changedSince(ctx, customer, after)
	if err != nil {
		return err
	}
	for order, conversation := range changed {
		if since, in := joined[conversation]; in {
			m.tails = append(m.tails, &tail{stream: events.OrderStream(order), since: max(after, max(since, 1)-1)})
		}
	}
	return nil
}

// addMerchants has told what happened in conversations of the merchants for whom
// a user acts, but those given, since the user does.
func (m *Missed) addMerchants(ctx context.Context, user uuid.UUID, after events.Position, but map[uuid.UUID]events.Position) error {
	employments, err := m.views.Conversations.employments(ctx, user)
	if err != nil {
		return err
	}
	for merchant, added := range employments {
		since := max(after, added)
		// Of more than are told, it is enough to know that there are.
		threads, err := m.views.Conversations.heardSince(ctx, merchant, since, DefaultMostMissed+1)
		if err != nil {
			return err
		}
		for _, conversation := range threads {
			if _, member := but[conversation]; !member {
				m.add(conversation, since)
			}
		}
		changed, err := m.views.Orders.changedOf(ctx, merchant, since)
		if err != nil {
			return err
		}
		for order, conversation := range changed {
			if _, member := but[conversation]; !member {
				m.tails = append(m.tails, &tail{stream: events.OrderStream(order), since: since})
			}
		}
	}
	return nil
}

// add has the streams of a conversation told after a position.
func (m *Missed) add(conversation uuid.UUID, since events.Position) {
	for _, prefix := range conversationPrefixes {
		m.tails = append(m.tails, &tail{stream: prefix + conversation.String(), since: since})
	}
}

// measure finds out how much there is of each stream, unless there are more
// streams than events can be told: then it says so many.
func (m *Missed) measure(ctx context.Context) error {
	if len(m.tails) > tailsMost {
		m.Events = len(m.tails)
		return nil
	}
	err := m.tails.each(ctx, func(ctx context.Context, s *tail) (err error) {
		s.first, s.next, err = events.RevisionsAfter(ctx, m.views.log, s.stream, s.since)
		if errors.Is(err, events.ErrStreamDeleted) {
			return nil
		}
		if s.single {
			s.next = min(s.next, s.first+1)
		}
		return err
	})
	m.tails = slices.DeleteFunc(m.tails, func(s *tail) bool { return s.first == s.next })
	for _, s := range m.tails {
		m.Events += int(s.next - s.first)
	}
	return err
}

// Changes yields what the reader is told of the events, in the log's order,
// once. An error is the log's or the view's, and comes last.
func (m *Missed) Changes(ctx context.Context) iter.Seq2[Change, error] {
	return func(yield func(Change, error) bool) {
		for recorded, err := range m.merged(ctx) {
			if err != nil {
				yield(Change{}, err)
				return
			}
			change, told, err := m.views.changeFor(ctx, m.user, recorded)
			if (told || err != nil) && !yield(change, err) || err != nil {
				return
			}
		}
	}
}

// merged yields the events of all streams in the log's order.
func (m *Missed) merged(ctx context.Context) iter.Seq2[events.Recorded, error] {
	return func(yield func(events.Recorded, error) bool) {
		fill := func(ctx context.Context, s *tail) error { return s.fill(ctx, m.views.log) }
		if err := m.tails.each(ctx, fill); err != nil {
			yield(events.Recorded{}, err)
			return
		}
		m.tails = slices.DeleteFunc(m.tails, func(s *tail) bool { return len(s.read) == 0 })
		heap.Init(&m.tails)
		for len(m.tails) > 0 && m.tails[0].read[0].Position <= m.upTo {
			s := m.tails[0]
			if !yield(s.read[0], nil) {
				return
			}
			s.read = s.read[1:]
			if err := fill(ctx, s); err != nil {
				yield(events.Recorded{}, err)
				return
			}
			if len(s.read) == 0 {
				heap.Pop(&m.tails)
			} else {
				heap.Fix(&m.tails, 0)
			}
		}
	}
}

// fill reads on if nothing is left of what was read ahead.
func (s *tail) fill(ctx context.Context, log events.Log) error {
	if len(s.read) > 0 || s.first >= s.next {
		return nil
	}
	s.ahead = min(max(2*s.ahead, leastAhead), mostAhead)
	s.read = s.read[:0]
	for event, err := range log.Read(ctx, s.stream, s.first, events.Forwards, int(min(s.next-s.first, uint64(s.ahead)))) {
		if err != nil {
			return err
		}
		s.read = append(s.read, event)
		s.first = event.Revision + 1
	}
	if len(s.read) == 0 { // hidden since
		s.first = s.next
	}
	return nil
}

// tails are a heap: the tail whose next event is the earliest comes first.
type tails []*tail

func (s tails) each(ctx context.Context, do func(context.Context, *tail) error) error {
	group, each := errgroup.WithContext(ctx)
	group.SetLimit(tailsAtOnce)
	for _, one := range s {
		group.Go(func() error { return do(each, one) })
	}
	return group.Wait()
}

// Len, Less, Swap, Push and Pop implement heap.Interface.

func (s tails) Len() int           { return len(s) }
func (s tails) Less(i, j int) bool { return s[i].read[0].Position < s[j].read[0].Position }
func (s tails) Swap(i, j int)      { s[i], s[j] = s[j], s[i] }
func (s *tails) Push(one any)      { *s = append(*s, one.(*tail)) }

// Pop takes the last one away.
func (s *tails) Pop() any {
	last := (*s)[len(*s)-1]
	*s = (*s)[:len(*s)-1]
	return last
}
