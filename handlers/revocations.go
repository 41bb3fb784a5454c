package handlers

import (
	"context"
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"parley/events"
)

func (s *Server) revocationRoutes() {
	register(s, notApps(), huma.Operation{
		OperationID:   "revokeTokens",
		Method:        http.MethodPost,
		Path:          "/v1/tokens/revocations",
		Summary:       "Revoke tokens before they end",
		Description:   "An empty object revokes the token of the request itself. Whoever holds another token may revoke it; all tokens that a user or another subject was given so far are revoked by themselves, or by an operator. Streams that were opened with a revoked token end.",
		Tags:          []string{"tokens"},
		DefaultStatus: http.StatusNoContent,
		MaxBodyBytes:  smallBody,
	}, s.revokeTokens)
}

type revocationInput struct {
	KeyHeader
	Body revocationBody
}

type revocationBody struct {
	Token   string    `json:"token,omitempty" doc:"The token to revoke; the request's own if nothing else is said."`
	UserID  uuid.UUID `json:"userId,omitzero" required:"false" format:"uuid" doc:"The user all of whose tokens are revoked."`
	Subject string    `json:"subject,omitempty" doc:"The subject, if it is no user, all of whose tokens are revoked."`
}

func (b revocationBody) check() error {
	given := 0
	for _, is := range []bool{b.Token != "", b.UserID != uuid.Nil, b.Subject != ""} {
		if is {
			given++
		}
	}
	if given > 1 {
		return refusedField("body", "names one token, one user or one subject, not several of them")
	}
	return nil
}

// everybodys is the subject all of whose tokens are meant, or empty.
func (b revocationBody) everybodys() string {
	if b.UserID != uuid.Nil {
		return b.UserID.String()
	}
	return b.Subject
}

func (s *Server) revokeTokens(ctx context.Context, in *revocationInput) (*PositionHeader, error) {
	if err := in.Body.check(); err != nil {
		return nil, err
	}
	cause, err := in.cause(ctx)
	if err != nil {
		return nil, err
	}
	var event events.Event
	if subject := in.Body.everybodys(); subject != "" {
		event, err = s.revokeSubject(ctx, cause, subject)
	} else {
		event, err = s.revokeToken(ctx, cause, in.Body.Token)
	}
	if err != nil {
		return nil, err
	}
	s.Views.Revocations.Apply(event)
	return &PositionHeader{uint64(event.Position)}, nil
}

func (s *Server) revokeSubject(ctx context.Context, cause events.Cause, subject string) (events.Event, error) {
	if caller := callerOf(ctx); caller.Subject != subject && !caller.Has(Operator) {
		return events.Event{}, newProblem(http.StatusForbidden, "only the subject itself or an operator may revoke all of a subject's tokens")
	}
	if err := checkSubject(subject); err != nil {
		return events.Event{}, refusedField("body.subject", err.Error())
	}
	return s.Commands.RevokeSubject(ctx, cause, subject)
}

// revokeToken revokes a token that whoever asks has proved to hold. One that
// has been revoked already, or has ended, is revoked once more: what matters
// is that it holds no longer.
func (s *Server) revokeToken(ctx context.Context, cause events.Cause, token string) (events.Event, error) {
	held := callerOf(ctx)
	if token != "" {
		var err error
		if held, err = s.identify(ctx, token); errors.Is(err, ErrTokenExpired) || errors.Is(err, ErrTokenInvalid) {
			return events.Event{}, refusedField("body.token", err.Error())
		} else if err != nil {
			return events.Event{}, err
		}
	}
	return s.Commands.RevokeToken(ctx, cause, events.TokenRevoked{Token: held.Token, Subject: held.Subject, Expires: held.Expires.UTC()})
}
