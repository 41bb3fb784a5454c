// Package handlers is Parley's HTTP: who asks for what, and what they are
// answered. It turns requests into commands and queries, and holds no rules of
// its own but those of HTTP.
package handlers

import (
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"parley/events"
	"parley/events/commands"
	"parley/handlers/messenger"
	"parley/handlers/outbound"
	"parley/handlers/webhooks"
	"parley/projections"
)

// Limits bound what one request and one caller can take.
type Limits struct {
	// Rate is how many requests a minute one token's subject may make:
	// DefaultLimits' if it is 0, any number if it is negative.
	Rate int
	// AddressRate is how many requests a minute may come from one address
	// without a token that is accepted: Rate, but at most DefaultLimits', if it
	// is 0, any number if it is negative.
	AddressRate int
	// Body is how long a request's body may take to arrive: DefaultLimits' if
	// it is 0.
	Body time.Duration
	// Wait is how long a read waits for its view to pass Parley-Position:
	// DefaultLimits' if it is 0.
	Wait time.Duration
	// Scan is how many events one audit request looks at: DefaultLimits' if
	// it is 0.
	Scan int
	// Heartbeat is how long a live stream is silent at most: DefaultLimits' if
	// it is 0.
	Heartbeat time.Duration
	// Write is how long a reader of a live stream may take over one write:
	// DefaultLimits' if it is 0.
	Write time.Duration
}

// DefaultLimits hold where nothing else is said.
var DefaultLimits = Limits{
	Rate:        1_200_000,
	AddressRate: 120_000,
	Body:        30 * time.Second,
	Wait:        5 * time.Second,
	Scan:        100_000,
	Heartbeat:   15 * time.Second,
	Write:       10 * time.Second,
}

func (l Limits) withDefaults() Limits {
	if l.Rate == 0 {
		l.Rate = DefaultLimits.Rate
	}
	if l.AddressRate == 0 {
		l.AddressRate = min(l.Rate, DefaultLimits.AddressRate)
	}
	if l.Body == 0 {
		l.Body = DefaultLimits.Body
	}
	if l.Wait == 0 {
		l.Wait = DefaultLimits.Wait
	}
	if l.Scan == 0 {
		l.Scan = DefaultLimits.Scan
	}
	if l.Heartbeat == 0 {
		l.Heartbeat = DefaultLimits.Heartbeat
	}
	if l.Write == 0 {
		l.Write = DefaultLimits.Write
	}
	return l
}

// Options are what a Server is made of. All are required but those that say
// otherwise.
type Options struct {
	Commands *commands.Commands
	// Journal is read by the auditors' routes: they trust the log, not a view.
	Journal *events.Journal
	Views   *projections.Set
	// Feed is of the same views, and runs.
	Feed *projections.Feed
	// Library keeps the files that are sent.
	Library *commands.Library
	Tokens  *Tokens
	// Issuer is whose tokens are accepted in place of those this server would
	// issue to users. It may be nil.
	Issuer *Issuer
	Now    func() time.Time
	NewID  func() uuid.UUID
	Logger *slog.Logger
	// Metrics is where the server's metrics are registered, and what /metrics
	// shows.
	Metrics *prometheus.Registry
	// Health tells what keeps the log from taking writes, or nil. It may be
	// nil itself.
	Health func() error
	// Page serves all paths that are not the API's. It may be nil.
	Page http.Handler
	// OpenRegistration lets anybody register as a user.
	OpenRegistration bool
	// Origins are the origins, as https://chat.example, whose pages browsers let
	// use the API, besides the server's own.
	Origins []string
	// Proxies are the networks whose X-Forwarded-For is believed.
	Proxies []netip.Prefix
	// Webhooks delivers to apps what happens, on this server or on another one.
	Webhooks *webhooks.Engine
	// Outbound are the networks, beyond the internet, in which addresses that
	// others name may be reached.
	Outbound []netip.Prefix
	// Limits may be zero.
	Limits Limits
	// Version is shown in the API's description.
	Version string
}

// Server answers Parley's HTTP requests.
type Server struct {
	Options
	root      chi.Router
	routes    chi.Router // of the API, below its prefix
	config    huma.Config
	api       huma.API
	traffic   *traffic
	streams   streamMeters
	listeners *listeners
	outward   *http.Client // for addresses that others name
	bots      *messenger.API
}

// New makes a server. It fails if its metrics are registered already.
func New(options Options) (*Server, error) {
	options.Limits = options.Limits.withDefaults()
	s := &Server{Options: options, root: chi.NewRouter(), routes: chi.NewRouter()}
	s.listeners = newListeners()
	s.outward = outbound.NewClient(outbound.Options{Allow: s.Outbound})
	var err error
	if s.traffic, err = newTraffic(s.Metrics); err != nil {
		return nil, err
	}
	if s.streams, err = newStreamMeters(s.Metrics); err != nil {
		return nil, err
	}
	s.bots = s.messengerAPI()
	compress, err := newCompressor()
	if err != nil {
		return nil, err
	}
	s.config = apiConfig(s.Version)
	s.api = huma.NewAPI(s.config, adapter{router: s.routes})
	s.mount(compress)
	completeAnswers(s.config.Components.Schemas)
	return s, nil
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.root.ServeHTTP(w, r) }

func (s *Server) mount(compress func(http.Handler) http.Handler) {
	s.root.Use(s.observe, secure, middleware.GetHead, s.messengerFirst)
	s.root.NotFound(s.notFound)
	s.root.MethodNotAllowed(s.methodNotAllowed)

	s.routes.Use(s.crossOrigin(), private, compress, s.authenticate, s.limitRates())
	s.routes.NotFound(s.notFound)
	s.routes.MethodNotAllowed(s.methodNotAllowed)
	s.userRoutes()
	s.blockRoutes()
	s.conversationRoutes()
	s.participantRoutes()
	s.messageRoutes()
	s.editRoutes()
	s.reactionRoutes()
	s.pinRoutes()
	s.receiptRoutes()
	s.preferenceRoutes()
	s.mediaRoutes()
	s.searchRoutes()
	s.liveRoutes()
	s.syncRoutes()
	s.signalRoutes()
	s.merchantRoutes()
	s.orderRoutes()
	s.caseRoutes()
	s.handoverRoutes()
	s.reportRoutes()
	s.appRoutes()
	s.installRoutes()
	s.webhookRoutes()
	s.deliveryRoutes()
	s.listenRoutes()
	s.pageRoutes()
	s.botRoutes()
	s.growthRoutes()
	s.auditRoutes()
	s.tokenRoutes()
	s.revocationRoutes()
	s.root.Mount(prefix, s.routes)

	s.root.With(compress).Group(s.operationRoutes)
	if s.Page != nil {
		// Without HEAD, which GetHead asks as GET: else the page would answer
		// for the operational routes.
		s.root.With(pages).Get("/*", s.Page.ServeHTTP)
	}
}

func (s *Server) notFound(w http.ResponseWriter, r *http.Request) { s.refuse(w, r, errNoRoute) }

func (s *Server) methodNotAllowed(w http.ResponseWriter, r *http.Request) {
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
		if s.root.Match(chi.NewRouteContext(), method, r.URL.Path) {
			w.Header().Add("Allow", method)
		}
	}
	s.refuse(w, r, errMethod)
}
