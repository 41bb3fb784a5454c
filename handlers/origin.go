package handlers

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/go-chi/cors"
	"github.com/go-chi/httprate"
)

// preflightAge is how long a browser remembers what it may send.
const preflightAge = 10 * time.Minute

// crossOrigin lets the pages of Options.Origins use the API from browsers.
// Tokens travel in a header that only the page's own script can set, so no
// credentials are allowed along.
func (s *Server) crossOrigin() func(http.Handler) http.Handler {
	if len(s.Origins) == 0 {
		return func(next http.Handler) http.Handler { return next }
	}
	return cors.Handler(cors.Options{
		AllowedOrigins: s.Origins,
		AllowedMethods: []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete},
		AllowedHeaders: []string{"Authorization", "Content-Type", "Idempotency-Key", "If-None-Match", "Last-Event-ID", "Range", "Traceparent", "X-Request-Id", positionHeader},
		ExposedHeaders: []string{"Allow", "Content-Disposition", "Content-Range", "ETag", "Location", "Retry-After", "X-Request-Id", positionHeader},
		MaxAge:         int(preflightAge / time.Second),
	})
}

// address is where a request came from. What X-Forwarded-For says counts only
// as far as proxies of Options.Proxies have written it: the last address in it
// that is no proxy of ours.
func (s *Server) address(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0 && s.isProxy(host); i-- {
		hop := strings.TrimSpace(hops[i])
		if _, err := netip.ParseAddr(hop); err != nil {
			break
		}
		host = hop
	}
	return httprate.CanonicalizeIP(host)
}

func (s *Server) isProxy(host string) bool {
	if len(s.Proxies) == 0 {
		return false
	}
	address, err := netip.ParseAddr(host)
	if err != nil {
		return false
	}
	for _, proxies := range s.Proxies {
		if proxies.Contains(address.Unmap()) {
			return true
		}
	}
	return false
}
