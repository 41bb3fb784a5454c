package handlers

import (
	"context"
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"parley/events"
	"parley/events/decide"
	"parley/projections"
)

// registrationSpace is the UUIDv5 namespace of the ids of users who registered
// themselves with an Idempotency-Key.
var registrationSpace = uuid.MustParse("a4c7b0de-52b8-5d0f-8f5e-3a6c1f0b9d27")

func (s *Server) userRoutes() {
	register(s, s.registrars(), huma.Operation{
		OperationID:   "registerUser",
		Method:        http.MethodPost,
		Path:          "/v1/users",
		Summary:       "Register a user",
		Description:   "For an operator, or for anybody where registration is open. The answer holds the user's token. Where an external issuer is configured, whoever presents a token of its own is registered as the user it names, and the answer's token is empty.",
		Tags:          []string{"users"},
		DefaultStatus: http.StatusCreated,
		MaxBodyBytes:  smallBody,
		Errors:        []int{http.StatusConflict},
	}, s.registerUser)
	register(s, notApps(), huma.Operation{
		OperationID: "findUsers",
		Method:      http.MethodGet,
		Path:        "/v1/users",
		Summary:     "The user who has a handle",
		Description: "A list of one, or of none. Handles are the same without regard to case.",
		Tags:        []string{"users"},
	}, s.findUsers)
	register(s, users(), huma.Operation{
		OperationID: "getMe",
		Method:      http.MethodGet,
		Path:        "/v1/users/me",
		Summary:     "Who the token is of",
		Tags:        []string{"users"},
		Errors:      []int{http.StatusNotFound},
	}, func(ctx context.Context, in *meInput) (*userOutput, error) {
		return s.getUser(ctx, &userInput{in.WaitHeader, callerOf(ctx).User})
	})
	register(s, notApps(), huma.Operation{
		OperationID: "getUser",
		Method:      http.MethodGet,
		Path:        "/v1/users/{id}",
		Summary:     "A user",
		Tags:        []string{"users"},
		Errors:      []int{http.StatusNotFound},
	}, s.getUser)
	register(s, notApps(), huma.Operation{
		OperationID:  "changeProfile",
		Method:       http.MethodPatch,
		Path:         "/v1/users/{id}",
		Summary:      "Change a user's display name",
		Description:  "For the user, or for an operator.",
		Tags:         []string{"users"},
		MaxBodyBytes: smallBody,
		Errors:       []int{http.StatusNotFound},
	}, s.changeProfile)
	register(s, notApps(), huma.Operation{
		OperationID: "eraseUser",
		Method:      http.MethodDelete,
		Path:        "/v1/users/{id}",
		Summary:     "Erase a user for good",
		Description: "For the user, or for an operator. The user's tokens end at once, the key of all that they wrote is destroyed, and their names and words are shown no more; their messages keep their places without a text. They leave their groups. The id stays known, with erasedAt, and the handle stays taken, so that nobody can pass for them.",
		Tags:        []string{"users"},
		Errors:      []int{http.StatusNotFound},
	}, s.eraseUser)
}

type eraseInput struct {
	ID uuid.UUID `path:"id" format:"uuid"`
}

func (s *Server) eraseUser(ctx context.Context, in *eraseInput) (*PositionHeader, error) {
	if caller := callerOf(ctx); caller.User != in.ID && !caller.Has(Operator) {
		return nil, newProblem(http.StatusForbidden, "only the user or an operator may erase a user")
	}
	done, err := s.Commands.Erase(ctx, causeOf(ctx, ""), in.ID)
	if err != nil {
		return nil, err
	}
	s.Views.Revocations.Apply(done.Revoked)
	return &PositionHeader{uint64(done.Erased.Position)}, nil
}

func (s *Server) registrars() access {
	switch {
	case s.Issuer != nil:
		return access{admits: func(c *Caller) error {
			if !c.external && !c.Has(Operator) {
				return errScope
			}
			return nil
		}}
	case s.OpenRegistration:
		return anyone()
	}
	return scoped(Operator)
}

type registerInput struct {
	KeyHeader
	Body struct {
		Handle      string `json:"handle" doc:"1 to 64 characters without spaces. No two users have handles that differ only in case or in compatibility forms." example:"ada"`
		DisplayName string `json:"displayName" doc:"1 to 100 characters on one line." example:"Ada Lovelace"`
		Product     string `json:"product,omitempty" nullable:"true" doc:"The application the user came by: a-z, 0-9, '.', '_' and '-'; messenger if absent."`
	}
}

type registerOutput struct {
	PositionHeader
	Body registered
}

type registered struct {
	User projections.User `json:"user"`
	// Token acts as the user; it holds for DefaultTTL from the registration.
	// It is empty where tokens are issued by somebody else.
	Token string `json:"token"`
}

func (s *Server) registerUser(ctx context.Context, in *registerInput) (*registerOutput, error) {
	cause, err := in.cause(ctx)
	if err != nil {
		return nil, err
	}
	registration := decide.Registration{Handle: in.Body.Handle, DisplayName: in.Body.DisplayName, Product: in.Body.Product}
	caller := callerOf(ctx)
	if caller == nil && cause.IdempotencyKey != "" {
		if registration.User, err = ownID(cause.IdempotencyKey); err != nil {
			return nil, err
		}
	}
	if caller != nil && caller.external && !caller.Has(Operator) {
		registration.User = caller.User
	}
	event, err := s.Commands.Register(ctx, cause, registration)
	if err != nil {
		return nil, err
	}
	user := userOf(event)
	position := PositionHeader{uint64(event.Position)}
	if s.Issuer != nil {
		return &registerOutput{position, registered{User: user}}, nil
	}
	token, err := s.Tokens.issueAt(event.Meta.OccurredAt, event.ID.String(), user.ID.String(), nil, DefaultTTL)
	if err != nil {
		return nil, err
	}
	return &registerOutput{position, registered{user, token.Token}}, nil
}

// ownID is the id of somebody who registers without a token but with an
// Idempotency-Key. Since the repeat is answered with the user's token, whoever
// guesses the key is that user: it must be random.
func ownID(key string) (uuid.UUID, error) {
	id, err := uuid.Parse(key)
	if err != nil || len(key) != len(id.String()) || id.Version() != 4 && id.Version() != 7 {
		return uuid.Nil, malformed("header.Idempotency-Key", "must be a random UUID (version 4 or 7) when there is no token, since a repeat is answered with the user's token")
	}
	return uuid.NewSHA1(registrationSpace, id[:]), nil
}

// userOf is a user as registered.
func userOf(event events.Event) projections.User {
	fact := event.Fact.(*events.UserRegistered)
	return projections.User{
		ID:           fact.User,
		Handle:       fact.Handle.Plain,
		DisplayName:  fact.DisplayName.Plain,
		Product:      fact.Product,
		RegisteredAt: event.Meta.OccurredAt,
	}
}

type userInput struct {
	WaitHeader
	ID uuid.UUID `path:"id" format:"uuid"`
}

type meInput struct {
	WaitHeader
}

type userOutput struct {
	Body projections.User
}

func (s *Server) getUser(ctx context.Context, in *userInput) (*userOutput, error) {
	if err := s.reaches(ctx, projections.UsersName, in.Position); err != nil {
		return nil, err
	}
	user, err := s.Views.Users.Get(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return &userOutput{user}, nil
}

type findInput struct {
	WaitHeader
	Handle string `query:"handle" required:"true" minLength:"1" maxLength:"256"`
}

type findOutput struct {
	Body found
}

type found struct {
	Users []projections.User `json:"users"`
}

// findUsers asks the log who has claimed the handle, since a view that could
// be searched by handles would have to show them all.
func (s *Server) findUsers(ctx context.Context, in *findInput) (*findOutput, error) {
	if err := s.reaches(ctx, projections.UsersName, in.Position); err != nil {
		return nil, err
	}
	out := &findOutput{found{Users: []projections.User{}}}
	id, known, err := s.Commands.UserByHandle(ctx, in.Handle)
	if err != nil || !known {
		return out, err
	}
	user, err := s.Views.Users.Get(ctx, id)
	if errors.Is(err, projections.ErrNotFound) {
		return out, nil
	}
	out.Body.Users = append(out.Body.Users, user)
	return out, err
}

type profileInput struct {
	ID   uuid.UUID `path:"id" format:"uuid"`
	Body struct {
		DisplayName string `json:"displayName" doc:"1 to 100 characters on one line."`
	}
}

type profileOutput struct {
	PositionHeader
	Body projections.User
}

func (s *Server) changeProfile(ctx context.Context, in *profileInput) (*profileOutput, error) {
	if caller := callerOf(ctx); caller.User != in.ID && !caller.Has(Operator) {
		return nil, newProblem(http.StatusForbidden, "only the user or an operator may change a profile")
	}
	changed, err := s.Commands.ChangeProfile(ctx, causeOf(ctx, ""), in.ID, in.Body.DisplayName)
	if err != nil {
		return nil, err
	}
	first, _, err := s.Journal.Fact(ctx, events.UserStream(in.ID), 0)
	if err != nil {
		return nil, err
	}
	user := userOf(first)
	user.DisplayName = changed.Fact.(*events.ProfileChanged).DisplayName.Plain
	return &profileOutput{PositionHeader{uint64(changed.Position)}, user}, nil
}
