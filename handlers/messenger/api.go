// Package messenger is the Messenger Platform's API, so that an existing bot or
// SDK for it runs against this server with its base address changed and nothing
// else. What it does is done by the commands that /v1 uses too.
package messenger

import (
	"context"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/httprate"
	"github.com/google/uuid"

	"parley/events"
	"parley/events/commands"
	"parley/projections"
)

// Options are what the API is made of. All are required but those that say
// otherwise.
type Options struct {
	Commands *commands.Commands
	Library  *commands.Library
	Users    *projections.Users
	Feed     *projections.Feed
	Now      func() time.Time
	// Fetch gets files that are named by address; it must reach public ones
	// only.
	Fetch *http.Client
	// Patience is how long a body may pause while it arrives.
	Patience time.Duration
	// Engaged counts the people whom a page is engaged with, on whom it depends
	// how often it may call within a day.
	Engaged func(context.Context, commands.Page) (int, error)
	// Unlimited lets pages call as often as they like.
	Unlimited bool
	// RequestID names a request in the log.
	RequestID func(context.Context) string
	// Identify tells the log who asks, and Blame why a request failed that is
	// not the caller's fault.
	Identify func(ctx context.Context, actor string)
	Blame    func(ctx context.Context, cause error)
}

// How often a page may call: texts and all else, and sounds and videos, which
// cost more, in a second.
const (
	callRate  = 300
	mediaRate = 10
)

// API answers the requests of bots.
type API struct {
	Options
	router chi.Router
	calls  *httprate.RateLimiter
	media  *httprate.RateLimiter
	days   *quotas
}

// New makes the API.
func New(options Options) *API {
	a := &API{
		Options: options, router: chi.NewRouter(),
		calls: httprate.NewRateLimiter(callRate, time.Second),
		media: httprate.NewRateLimiter(mediaRate, time.Second),
		days:  newQuotas(options.Engaged),
	}
	a.router.NotFound(func(w http.ResponseWriter, r *http.Request) { a.refuse(w, r, errUnsupported) })
	a.router.MethodNotAllowed(func(w http.ResponseWriter, r *http.Request) { a.refuse(w, r, errUnsupported) })
	a.router.Post("/", a.batch)
	a.router.Route("/{page}", func(r chi.Router) {
		r.Get("/", a.serve(a.getNode))
		r.Delete("/", a.serve(a.deleteNode))
		r.Post("/messages", a.onPage(a.send))
		r.Post("/message_attachments", a.onPage(a.uploadAttachment))
		r.Get("/messenger_profile", a.onPage(a.getProfile))
		r.Post("/messenger_profile", a.onPage(a.setProfile))
		r.Delete("/messenger_profile", a.onPage(a.deleteProfile))
		r.Get("/subscribed_apps", a.onPage(a.listSubscribed))
		r.Post("/subscribed_apps", a.onPage(a.subscribe))
		r.Delete("/subscribed_apps", a.onPage(a.unsubscribe))
		r.Get("/personas", a.onPage(a.listPersonas))
		r.Post("/personas", a.onPage(a.createPersona))
		r.Get("/secondary_receivers", a.onPage(a.secondaryReceivers))
		r.Get("/thread_owner", a.onPage(a.threadOwner))
		r.Post("/pass_thread_control", a.onPage(a.passThread))
		r.Post("/take_thread_control", a.onPage(a.takeThread))
		r.Post("/request_thread_control", a.onPage(a.requestThread))
	})
	return a
}

// Routes are all that the API serves, without the version that a path may
// begin with.
func (a *API) Routes() chi.Routes { return a.router }

var (
	version = regexp.MustCompile(`^/v\d{1,3}\.\d{1,3}(/|$)`)
	// node begins the path of a request without a version: me, the id of a page
	// or a person.
	node = regexp.MustCompile(`^/(me|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[A-Za-z0-9_-]{43})(/|$)`)
)

// Serves tells whether a request is for this API: those of the platform begin
// with a version, as /v2.6/me/messages, or come without.
func Serves(r *http.Request) bool {
	path := r.URL.Path
	return version.MatchString(path) || node.MatchString(path) || path == "/" && r.Method == http.MethodPost
}

// ServeHTTP implements http.Handler.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	routing := chi.RouteContext(r.Context())
	if routing == nil {
		routing = chi.NewRouteContext()
		r = r.WithContext(context.WithValue(r.Context(), chi.RouteCtxKey, routing))
	}
	routing.RoutePath = unversioned(r.URL.Path)
	a.router.ServeHTTP(w, r)
}

func unversioned(path string) string {
	if prefix := version.FindString(path); prefix != "" {
		path = "/" + path[len(prefix):]
	}
	if len(path) > 1 {
		path = strings.TrimSuffix(path, "/")
	}
	return path
}

// call is a request that was let in.
type call struct {
	*http.Request
	w      http.ResponseWriter
	page   commands.Page
	params params
	cause  events.Cause
}

// endpoint answers a call with a value that is sent as JSON.
type endpoint func(ctx context.Context, c *call) (any, error)

// serve lets a request in, reads its parameters and sends the answer.
func (a *API) serve(answer endpoint) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		value, err := a.answer(w, r, answer)
		if err != nil {
			a.refuse(w, r, err)
			return
		}
		sendJSON(w, http.StatusOK, value)
	}
}

func (a *API) answer(w http.ResponseWriter, r *http.Request, answer endpoint) (any, error) {
	// A token of the query is checked before the body is read, and so is none.
	read, err := a.read(w, r)
	defer read.close()
	if err != nil {
		return nil, err
	}
	c := &call{Request: r, w: w, params: read}
	if c.page, err = a.admit(r, read); err != nil {
		return nil, err
	}
	actor := commands.AppActor(c.page.App)
	a.Identify(r.Context(), actor)
	if err := a.limit(c); err != nil {
		return nil, err
	}
	c.cause = events.Cause{Actor: actor, Correlation: a.RequestID(r.Context())}
	if c.cause.IdempotencyKey, err = idempotencyKey(r); err != nil {
		return nil, err
	}
	return answer(r.Context(), c)
}

// limit refuses the calls of a page that calls too often.
func (a *API) limit(c *call) error {
	switch {
	case a.Unlimited:
		return nil
	case a.calls.OnLimit(c.w, c.Request, c.page.ID().String()):
		return errTooOften
	}
	return a.days.take(c.Context(), c.page, a.Now())
}

const maxKey = 255

// idempotencyKey reads the key by which a repeat is recognised; the platform
// has none, so bots need not send one.
func idempotencyKey(r *http.Request) (string, error) {
	key := r.Header.Get("Idempotency-Key")
	if len(key) > maxKey || strings.ContainsFunc(key, func(c rune) bool { return c <= ' ' || c > '~' }) {
		return "", invalid("Idempotency-Key", "must be 1 to 255 visible ASCII characters")
	}
	return key, nil
}

// onPage is serve for what belongs to a page, which the path names by its id
// or as me.
func (a *API) onPage(answer endpoint) http.HandlerFunc {
	return a.serve(func(ctx context.Context, c *call) (any, error) {
		if name := chi.URLParamFromCtx(ctx, "page"); name != "me" && name != c.page.ID().String() {
			return nil, noSuchObject(name)
		}
		return answer(ctx, c)
	})
}

// success is what most writes answer.
var success = map[string]bool{"success": true}

// getNode answers for what the path names: the page, one of its personas, or a
// person.
func (a *API) getNode(ctx context.Context, c *call) (any, error) {
	name := chi.URLParamFromCtx(ctx, "page")
	if name == "me" || name == c.page.ID().String() {
		called, err := a.Commands.PageName(ctx, c.page)
		return map[string]string{"id": c.page.ID().String(), "name": called}, err
	}
	if id, err := uuid.Parse(name); err == nil {
		state, err := a.Commands.PageState(ctx, c.page)
		if err != nil {
			return nil, err
		}
		if persona, found := state.Persona(id); found {
			return personaOf(persona), nil
		}
	}
	return a.personProfile(ctx, c, name)
}

func (a *API) deleteNode(ctx context.Context, c *call) (any, error) {
	name := chi.URLParamFromCtx(ctx, "page")
	id, err := uuid.Parse(name)
	if err != nil {
		return nil, noSuchObject(name)
	}
	return a.deletePersona(ctx, c, id)
}
