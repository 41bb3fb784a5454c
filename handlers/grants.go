package handlers

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"
	lru "github.com/hashicorp/golang-lru/v2"

	"parley/events"
	"parley/events/decide"
)

// rememberedGrants bounds how many keyed grants can be repeated.
const rememberedGrants = 10_000

// grants remembers the tokens issued for idempotency keys. A token is no fact,
// so that only this server, while it runs, knows what it answered.
type grants struct {
	mu       sync.Mutex
	answered *lru.Cache[uuid.UUID, grant] // guarded by mu
}

type grant struct {
	asked grantBody
	token Token
}

func newGrants() (*grants, error) {
	answered, err := lru.New[uuid.UUID, grant](rememberedGrants)
	return &grants{answered: answered}, err
}

// once returns the token issued for the same request before, or issues it.
func (g *grants) once(key uuid.UUID, asked grantBody, issue func() (Token, error)) (Token, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if before, ok := g.answered.Get(key); ok {
		if before.asked != asked {
			return Token{}, events.ErrKeyReused
		}
		return before.token, nil
	}
	token, err := issue()
	if err == nil {
		g.answered.Add(key, grant{asked, token})
	}
	return token, err
}

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
	Body Token
}

func (s *Server) tokenRoutes() {
	register(s, scoped(Operator), huma.Operation{
		OperationID:   "issueToken",
		Method:        http.MethodPost,
		Path:          "/v1/tokens",
		Summary:       "Issue a token",
		Description:   "For an operator. A repeat with the same Idempotency-Key answers with the same token as long as the server remembers it, at least until it restarts. Where an external issuer is configured, tokens are asked for there.",
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
	asked := in.Body
	issue, err := s.grant(ctx, asked)
	if err != nil {
		return nil, err
	}
	cause, err := in.cause(ctx)
	if err != nil {
		return nil, err
	}
	var token Token
	if cause.IdempotencyKey == "" {
		token, err = issue()
	} else {
		token, err = s.grants.once(events.KeyedID(cause.Actor, cause.IdempotencyKey), asked, issue)
	}
	if err != nil {
		return nil, err
	}
	return &grantOutput{token}, nil
}

// grant checks what is asked for and returns how to issue it.
func (s *Server) grant(ctx context.Context, asked grantBody) (func() (Token, error), error) {
	scopes, err := ParseScopes(asked.Scope)
	if err != nil {
		return nil, refusedField("body.scope", err.Error())
	}
	ttl := DefaultTTL
	if asked.TTL != 0 {
		if asked.TTL < 0 || asked.TTL > int64(MaxTTL/time.Second) {
			return nil, refusedField("body.ttl", fmt.Sprintf("must be between 1 and %d seconds", MaxTTL/time.Second))
		}
		ttl = time.Duration(asked.TTL) * time.Second
	}
	subject, err := s.grantee(ctx, asked)
	if err != nil {
		return nil, err
	}
	return func() (Token, error) { return s.Tokens.Issue(subject, scopes, ttl) }, nil
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
