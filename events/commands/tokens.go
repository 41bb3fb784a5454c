package commands

import (
	"context"
	"fmt"

	"parley/events"
)

// IssueToken records that a token was issued and returns the TokenIssued event,
// of which the token is made: a repeat makes the same one.
func (c *Commands) IssueToken(ctx context.Context, cause events.Cause, token events.TokenIssued) (events.Event, error) {
	written, err := c.journal.Append(ctx, events.TokensStream, events.Any, cause, &token)
	if err != nil {
		return events.Event{}, fmt.Errorf("issuing a token: %w", err)
	}
	return written[0], nil
}

// RevokeToken ends a token and returns the TokenRevoked event. Revoking it
// again writes nothing: the token itself is the idempotency key.
func (c *Commands) RevokeToken(ctx context.Context, cause events.Cause, token events.TokenRevoked) (events.Event, error) {
	cause.IdempotencyKey = "revoke " + token.Token
	return c.revoke(ctx, cause, &token)
}

// RevokeSubject ends all tokens that a subject was given so far and returns the
// SubjectRevoked event.
func (c *Commands) RevokeSubject(ctx context.Context, cause events.Cause, subject string) (events.Event, error) {
	return c.revoke(ctx, cause, &events.SubjectRevoked{Subject: subject})
}

// revokeForGood ends all tokens of an erased user, those to come included. To
// do it again writes nothing.
func (c *Commands) revokeForGood(ctx context.Context, erased events.Event) (events.Event, error) {
	user := erased.Fact.(*events.UserErased).User.String()
	cause := because(erased)
	cause.IdempotencyKey = "erased " + user
	return c.revoke(ctx, cause, &events.SubjectRevoked{Subject: user, ForGood: true})
}

func (c *Commands) revoke(ctx context.Context, cause events.Cause, fact events.Fact) (events.Event, error) {
	written, err := c.journal.Append(ctx, events.RevocationsStream, events.Any, cause, fact)
	if err != nil {
		return events.Event{}, fmt.Errorf("revoking: %w", err)
	}
	return written[0], nil
}
