package handlers

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"parley/events"
	"parley/events/decide"
)

type grantBody struct {
	UserID  uuid.UUID `json:"userId,omitzero" required:"false" format:"uuid" doc:"The user who will act; in place of subject."`
	Subject string    `json:"subject,omitempty" doc:"Whoever else will act, by a name of your choice; the scope's if absent."`
	Scope   string    `json:"scope,omitempty" doc:"analyst, auditor, operator, or several of them separated by spaces." example:"analyst"`
	TTL     int64     `json:"ttl,omitempty" doc:"For how many seconds the token holds, at most 31622400; 2592000 (30 days) if absent."`
}

type grantInput struct {
	KeyHeader
	Body grantBody
}

type grantOutput struct {
	PositionHeader
	Body Token
}

func (s *Server) tokenRoutes() {
	register(s, scoped(Operator), huma.Operation{
		OperationID:   "issueToken",
		Method:        http.MethodPost,
		Path:          "/v1/tokens",
		Summary:       "Issue a token",
		Description:   "For an operator. A repeat with the same Idempotency-Key answers with the same token. That it was issued is a fact in the log, in the stream tokens; the token is not. Where an external issuer is configured, tokens are asked for there.",
		Tags:          []string{"tokens"},
		DefaultStatus: http.StatusCreated,
		MaxBodyBytes:  smallBody,
		Errors:        []int{http.StatusConflict},
	}, s.issueToken)
}

func (s *Server) issueToken(ctx context.Context, in *grantInput) (*grantOutput, error) {
	if s.Issuer != nil {
		return nil, newProblem(http.StatusConflict, "this server's tokens are issued by "+s.Issuer.URL)
	}
	granted, err := s.grant(ctx, in.Body)
	if err != nil {
		return nil, err
	}
	cause, err := in.cause(ctx)
	if err != nil {
		return nil, err
	}
	event, err := s.Commands.IssueToken(ctx, cause, granted)
	if err != nil {
		return nil, err
	}
	token, err := s.Tokens.issued(event)
	return &grantOutput{PositionHeader{uint64(event.Position)}, token}, err
}

// issued makes the token that an event tells of.
func (t *Tokens) issued(event events.Event) (Token, error) {
	fact := event.Fact.(*events.TokenIssued)
	scopes := make([]Scope, len(fact.Scopes))
	for i, scope := range fact.Scopes {
		scopes[i] = Scope(scope)
	}
	return t.issueAt(event.Meta.OccurredAt, event.ID.String(), fact.Subject, scopes, time.Duration(fact.Seconds)*time.Second)
}

// grant checks what is asked for and tells what is to be issued.
func (s *Server) grant(ctx context.Context, asked grantBody) (events.TokenIssued, error) {
	granted := events.TokenIssued{Scopes: []string{}, Seconds: asked.TTL}
	scopes, err := ParseScopes(asked.Scope)
	if err != nil {
		return granted, refusedField("body.scope", err.Error())
	}
	for _, scope := range scopes {
		granted.Scopes = append(granted.Scopes, string(scope))
	}
	if asked.TTL == 0 {
		granted.Seconds = int64(DefaultTTL / time.Second)
	}
	if granted.Seconds < 0 || granted.Seconds > int64(MaxTTL/time.Second) {
		return granted, refusedField("body.ttl", fmt.Sprintf("must be between 1 and %d seconds", MaxTTL/time.Second))
	}
	granted.Subject, err = s.grantee(ctx, asked)
	return granted, err
}

func (s *Server) grantee(ctx context.Context, asked grantBody) (string, error) {
	if asked.UserID == uuid.Nil {
		subject := asked.Subject
		if subject == "" {
			subject = asked.Scope
		}
		if err := checkSubject(subject); err != nil {
			return "", refusedField("body.subject", err.Error())
		}
		return subject, nil
	}
	if asked.Subject != "" {
		return "", refusedField("body.subject", "must be absent when userId is given")
	}
	known, err := s.Commands.Registered(ctx, asked.UserID)
	if err == nil && !known {
		err = decide.NoSuchUser("userId", asked.UserID)
	}
	return asked.UserID.String(), err
}
