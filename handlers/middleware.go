package handlers

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
	"github.com/go-chi/httprate"
	"github.com/prometheus/client_golang/prometheus"
)

var (
	errTooMany = errors.New("too many requests")
	errNoRoute = errors.New("no such route")
	errMethod  = errors.New("no such method")
)

// traffic counts requests by route pattern, which are few, and never by path.
type traffic struct {
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
}

func newTraffic(registry prometheus.Registerer) (*traffic, error) {
	t := &traffic{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "parley_http_requests_total",
			Help: "Requests answered, by method, route and status.",
		}, []string{"method", "route", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "parley_http_request_seconds",
			Help:    "How long requests took to answer, by method and route.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}, []string{"method", "route"}),
	}
	return t, errors.Join(registry.Register(t.requests), registry.Register(t.seconds))
}

func (t *traffic) count(method, route string, status int, took time.Duration) {
	t.requests.WithLabelValues(method, route, strconv.Itoa(status)).Inc()
	t.seconds.WithLabelValues(method, route).Observe(took.Seconds())
}

// observe gives each request its name, and accounts for it when it is
// answered: in the metrics, and in the log without its query, headers and
// body. A panic becomes a 500.
func (s *Server) observe(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := s.Now()
		id, given := requestID(r)
		if !given {
			id = s.NewID().String()
		}
		asked := &request{id: id}
		w.Header()["X-Request-Id"] = []string{id}
		answer := middleware.NewWrapResponseWriter(w, r.ProtoMajor)
		r = r.WithContext(context.WithValue(r.Context(), requestKey{}, asked))
		defer func() {
			if fault := recover(); fault != nil {
				s.recovered(answer, r, fault)
			}
			s.account(answer, r, asked, s.Now().Sub(began))
		}()
		next.ServeHTTP(answer, r)
	})
}

func (s *Server) recovered(w middleware.WrapResponseWriter, r *http.Request, fault any) {
	if fault == http.ErrAbortHandler {
		panic(fault)
	}
	s.Logger.LogAttrs(r.Context(), slog.LevelError, "a handler panicked",
		slog.String("request", requestOf(r.Context()).id),
		slog.Any("panic", fault), slog.String("stack", string(debug.Stack())))
	if w.Status() == 0 {
		s.refuse(w, r, fmt.Errorf("panic: %v", fault))
	}
}

func (s *Server) account(w middleware.WrapResponseWriter, r *http.Request, asked *request, took time.Duration) {
	status := w.Status()
	if status == 0 {
		status = http.StatusOK
	}
	route := chi.RouteContext(r.Context()).RoutePattern()
	if route == "" || status == http.StatusNotFound && route == prefix+"/*" {
		route = "none"
	}
	s.traffic.count(knownMethod(r.Method), route, status, took)
	level := slog.LevelInfo
	switch {
	case asked.fault != nil:
		level = slog.LevelError
	case quiet[route]:
		level = slog.LevelDebug
	}
	if !s.Logger.Enabled(r.Context(), level) {
		return
	}
	attrs := []slog.Attr{
		slog.String("request", asked.id), slog.String("method", r.Method), slog.String("path", r.URL.Path),
		slog.Int("status", status), slog.Int("bytes", w.BytesWritten()), slog.Duration("took", took),
	}
	if asked.caller != nil {
		attrs = append(attrs, slog.String("caller", asked.caller.Subject))
	}
	if asked.fault != nil {
		attrs = append(attrs, slog.Any("cause", asked.fault))
	}
	s.Logger.LogAttrs(r.Context(), level, "request", attrs...)
}

// quiet are the routes that machines ask for all the time.
var quiet = map[string]bool{"/healthz": true, "/readyz": true, "/metrics": true}

// knownMethod keeps what clients invent out of the metrics.
func knownMethod(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return method
	}
	return "other"
}

// The values of headers that never change are shared by all answers.
var (
	nosniff      = []string{"nosniff"}
	noReferrer   = []string{"no-referrer"}
	deny         = []string{"DENY"}
	noStore      = []string{"no-store"}
	apiPolicy    = []string{"default-src 'none'; frame-ancestors 'none'"}
	pagePolicy   = []string{"default-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"}
	sharedOrigin = []string{"same-origin"}
	onlyTLS      = []string{"max-age=31536000"}
)

// secure sets the headers that keep browsers from being used against their
// users.
func secure(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h["X-Content-Type-Options"] = nosniff
		h["Referrer-Policy"] = noReferrer
		h["X-Frame-Options"] = deny
		h["Cross-Origin-Resource-Policy"] = sharedOrigin
		h["Content-Security-Policy"] = apiPolicy
		if r.TLS != nil {
			h["Strict-Transport-Security"] = onlyTLS
		}
		next.ServeHTTP(w, r)
	})
}

// pages lets a page load what comes from here, and nothing else.
func pages(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header()["Content-Security-Policy"] = pagePolicy
		next.ServeHTTP(w, r)
	})
}

// private keeps answers from being stored by anyone in between.
func private(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header()["Cache-Control"] = noStore
		next.ServeHTTP(w, r)
	})
}

// limitRates refuses callers who ask too often.
func (s *Server) limitRates() func(http.Handler) http.Handler {
	bySubject, byAddress := s.limiter(s.Limits.Rate), s.limiter(s.Limits.AddressRate)
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			limiter, key := byAddress, ""
			if caller := callerOf(r.Context()); caller != nil {
				limiter, key = bySubject, caller.Subject
			} else if byAddress != nil {
				key = s.address(r)
			}
			if limiter == nil || !limiter.RespondOnLimit(w, r, key) {
				next.ServeHTTP(w, r)
			}
		})
	}
}

// limiter is nil if any rate is allowed.
func (s *Server) limiter(rate int) *httprate.RateLimiter {
	if rate < 0 {
		return nil
	}
	return httprate.NewRateLimiter(rate, time.Minute,
		httprate.WithResponseHeaders(httprate.ResponseHeaders{RetryAfter: "Retry-After"}),
		httprate.WithLimitHandler(func(w http.ResponseWriter, r *http.Request) { s.refuse(w, r, errTooMany) }))
}
