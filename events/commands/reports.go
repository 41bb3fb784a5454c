package commands

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"parley/events"
	"parley/events/decide"
)

// ReportMessage asks the operators to look at a message. A person reports a
// message once: existed tells that they had before, and the MessageReported
// event returned is the one of that time.
func (c *Commands) ReportMessage(ctx context.Context, cause events.Cause, r decide.Reporting) (event events.Event, existed bool, err error) {
	if err := c.Admit(ctx, r.Conversation, r.By); err != nil {
		return events.Event{}, false, err
	}
	author, err := c.authorOf(ctx, r.Conversation, r.Number)
	if err != nil {
		return events.Event{}, false, err
	}
	err = c.withConversation(ctx, r.Conversation, func(state *decide.Conversation) error {
		return decide.AdmitReport(state, author, r)
	})
	if err != nil {
		return events.Event{}, false, err
	}
	stream := events.ReportStream(events.ReportID(r.Conversation, r.Number, r.By))
	written, err := events.Transact(ctx, c.reports, stream, cause,
		func(state decide.Report) ([]events.Fact, error) { return decide.ReportMessage(state, r) })
	if err != nil {
		return events.Event{}, false, err
	}
	if len(written) > 0 {
		return written[0], false, nil
	}
	event, existed, err = c.journal.Fact(ctx, stream, 0)
	if err == nil && !existed {
		err = fmt.Errorf("%s was begun and has no first event", stream)
	}
	return event, existed, err
}

// authorOf is who posted a message, or zero if there is no such message.
func (c *Commands) authorOf(ctx context.Context, conversation uuid.UUID, number uint64) (uuid.UUID, error) {
	event, found, err := c.posted(ctx, conversation, number)
	if !found || err != nil {
		return uuid.Nil, err
	}
	posted, _ := events.PostOf(event.Fact)
	return posted.Author, nil
}

// ResolveReport ends a report, on behalf of an operator. It returns the
// ReportResolved event, or none if the report had that outcome already.
func (c *Commands) ResolveReport(ctx context.Context, cause events.Cause, r decide.Resolution) ([]events.Event, error) {
	return events.Transact(ctx, c.reports, events.ReportStream(r.Report), cause,
		func(state decide.Report) ([]events.Fact, error) { return decide.ResolveReport(state, r) })
}
