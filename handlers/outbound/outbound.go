// Package outbound makes requests to addresses that others name, and to none
// that they should not reach by this server: what is private to its network,
// to its machine or to its provider is refused when the connection is made,
// after the name was resolved, so that neither a name nor a redirect leads
// there.
package outbound

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"syscall"
	"time"
)

// Errors of requests, as errors.Is finds them.
var (
	// ErrForbidden: the address is not one that requests of others may reach.
	ErrForbidden = errors.New("this address is not public")
	// ErrPlain: the request would cross the internet unencrypted.
	ErrPlain = errors.New("http is for addresses that the operator allows; use https")
)

// Options of a client. The zero Options are those of one that reaches public
// addresses by https, and follows no redirect.
type Options struct {
	// Allow are networks that may be reached as well, by http too: an
	// operator's.
	Allow []netip.Prefix
	// PlainHTTP lets http reach public addresses.
	PlainHTTP bool
	// Redirects bounds how many are followed. Where each leads is checked as
	// the first address was. What is not followed is answered as it is.
	Redirects int
	// ConnectTimeout is how long connecting may take, encryption included;
	// 10 seconds if it is 0.
	ConnectTimeout time.Duration
	// IdlePerHost is how many connections to one host are kept; 2 if it is 0.
	IdlePerHost int
}

// NewClient makes a client. It asks no proxy, and keeps no cookies. How long a
// request may take is for its context to say.
func NewClient(options Options) *http.Client {
	if options.ConnectTimeout == 0 {
		options.ConnectTimeout = 10 * time.Second
	}
	guard := &guard{allow: options.Allow, plainHTTP: options.PlainHTTP}
	dialer := &net.Dialer{Timeout: options.ConnectTimeout, ControlContext: guard.control}
	return &http.Client{
		Transport: &schemes{&http.Transport{
			DialContext:            dialer.DialContext,
			TLSHandshakeTimeout:    options.ConnectTimeout,
			ForceAttemptHTTP2:      true,
			MaxIdleConnsPerHost:    options.IdlePerHost,
			IdleConnTimeout:        90 * time.Second,
			MaxResponseHeaderBytes: 64 << 10,
		}},
		CheckRedirect: func(_ *http.Request, via []*http.Request) error {
			if len(via) > options.Redirects {
				return http.ErrUseLastResponse
			}
			return nil
		},
	}
}

// schemes tells whoever dials whether the connection will be encrypted.
type schemes struct{ *http.Transport }

type schemeKey struct{}

// RoundTrip implements http.RoundTripper.
func (s *schemes) RoundTrip(r *http.Request) (*http.Response, error) {
	return s.Transport.RoundTrip(r.WithContext(context.WithValue(r.Context(), schemeKey{}, r.URL.Scheme)))
}

type guard struct {
	allow     []netip.Prefix
	plainHTTP bool
}

// control is called with the address that is about to be connected to.
func (g *guard) control(ctx context.Context, _, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("%w: %s", ErrForbidden, address)
	}
	scheme, _ := ctx.Value(schemeKey{}).(string)
	return g.check(at.Addr(), scheme)
}

func (g *guard) check(address netip.Addr, scheme string) error {
	address = address.WithZone("").Unmap()
	switch {
	case slices.ContainsFunc(g.allow, func(p netip.Prefix) bool { return p.Contains(address) }):
		return nil
	case !Public(address):
		return ErrForbidden
	case scheme != "https" && !g.plainHTTP:
		return ErrPlain
	}
	return nil
}
