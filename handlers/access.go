package handlers

import (
	"errors"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"
)

var (
	errNoToken = errors.New("no token")
	errScope   = errors.New("the scope is missing")
	errNotUser = errors.New("the subject is not a user")
	errNotApp  = errors.New("the subject is not an app")
)

// access is who may ask for an operation. What concerns single conversations
// is decided later, by who is in them.
type access struct {
	admits func(*Caller) error
	// public operations are documented as such, and need no token.
	public bool
	// linked operations take a signed link in place of a token.
	linked bool
	scope  Scope
}

// anyone may ask, with or without a token.
func anyone() access { return access{admits: func(*Caller) error { return nil }, public: true} }

// signedIn is everybody with a token.
func signedIn() access { return access{admits: func(*Caller) error { return nil }} }

// linked is everybody with a token or a link, which the operation checks.
func linked() access { return access{admits: func(*Caller) error { return nil }, linked: true} }

// users are those whose token's subject is a user.
func users() access {
	return access{admits: func(c *Caller) error {
		if c.User == uuid.Nil {
			return errNotUser
		}
		return nil
	}}
}

// usersOr are users, and everybody whose token has the scope.
func usersOr(scope Scope) access {
	return access{admits: func(c *Caller) error {
		if c.User == uuid.Nil && !c.Has(scope) {
			return errNotUser
		}
		return nil
	}}
}

// notApps is everybody with a token but apps, which learn of people only what
// they were granted.
func notApps() access {
	return access{admits: func(c *Caller) error {
		if c.App != uuid.Nil {
			return errNotUser
		}
		return nil
	}}
}

// members are users and apps: those who take part in conversations.
func members() access {
	return access{admits: func(c *Caller) error {
		if c.ID() == uuid.Nil {
			return errNotUser
		}
		return nil
	}}
}

// membersAnd is members, and everybody whose token has the scope.
func membersAnd(scope Scope) access {
	return access{admits: func(c *Caller) error {
		if c.ID() == uuid.Nil && !c.Has(scope) {
			return errNotUser
		}
		return nil
	}}
}

// apps are those whose token is an app's.
func apps() access {
	return access{admits: func(c *Caller) error {
		if c.App == uuid.Nil {
			return errNotApp
		}
		return nil
	}}
}

// scoped is everybody whose token has the scope.
func scoped(scope Scope) access {
	return access{scope: scope, admits: func(c *Caller) error {
		if !c.Has(scope) {
			return errScope
		}
		return nil
	}}
}

// authenticate finds out who asks. Whether that is enough is the routes' to
// say.
func (s *Server) authenticate(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if header := r.Header.Get("Authorization"); header != "" {
			asked := requestOf(r.Context())
			scheme, token, _ := strings.Cut(header, " ")
			if strings.EqualFold(scheme, "Bearer") {
				asked.caller, asked.tokenFault = s.verify(r.Context(), strings.TrimSpace(token))
			} else {
				asked.tokenFault = ErrTokenInvalid
			}
		}
		next.ServeHTTP(w, r)
	})
}

// admit refuses a request that its route's access does not allow. A token that
// is not accepted is refused on public routes too.
func (a access) admit(r *http.Request) error {
	asked := requestOf(r.Context())
	switch {
	case asked.tokenFault != nil:
		return asked.tokenFault
	case asked.caller != nil:
		return a.admits(asked.caller)
	case a.linked && r.URL.Query().Has(linkSignature):
	case !a.public:
		return errNoToken
	}
	return nil
}

// guard is admit for a handler of net/http.
func (s *Server) guard(a access, next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := a.admit(r); err != nil {
			s.refuse(w, r, err)
			return
		}
		next(w, r)
	}
}

// gate is admit for an operation of huma.
func (s *Server) gate(a access) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		r, w := unwrap(ctx)
		if err := a.admit(r); err != nil {
			s.refuse(w, r, err)
			return
		}
		next(ctx)
	}
}
