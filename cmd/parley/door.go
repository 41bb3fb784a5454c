package main

import (
	"fmt"
	"log/slog"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"parley/handlers"
)

// door is how the server meets those who come from outside: by which
// certificate it is known, whose tokens and pages it accepts, and whom it
// believes about where a request came from.
type door struct {
	cert, key  string
	origins    []string
	proxies    []string
	outbound   []string
	publicURL  string
	issuer     string
	audience   string
	userClaim  string
	scopeClaim string
}

func (d *door) register(flags *pflag.FlagSet) {
	flags.StringVar(&d.cert, "tls-cert", "", "certificate file, in PEM, to serve HTTPS with; a renewed file is taken without a restart")
	flags.StringVar(&d.key, "tls-key", "", "private key file of the certificate, in PEM")
	flags.StringSliceVar(&d.origins, "cors-origin", nil, "origins, as https://chat.example, whose pages may use the API")
	flags.StringSliceVar(&d.proxies, "trusted-proxy", nil, "addresses or networks, as 10.0.0.0/8, of proxies whose X-Forwarded-For is believed")
	flags.StringSliceVar(&d.outbound, "outbound-allow", nil, "addresses or networks, as 10.0.0.0/8, beyond the internet in which webhooks and files that are named by address may be")
	flags.StringVar(&d.publicURL, "public-url", "", "where this server is found from outside, as https://chat.example, for links in what apps are told; the address that it listens on if it is empty")
	flags.StringVar(&d.issuer, "oidc-issuer", "", "URL of an OpenID Connect issuer whose tokens are accepted; it issues tokens in place of this server then")
	flags.StringVar(&d.audience, "oidc-audience", "parley", "the audience that the issuer's tokens must name")
	flags.StringVar(&d.userClaim, "oidc-user-claim", "sub", "the claim of the issuer's tokens that names the user")
	flags.StringVar(&d.scopeClaim, "oidc-scope-claim", "scope", "the claim of the issuer's tokens that may hold analyst, auditor and operator")
}

// configure tells the API about those outside.
func (d *door) configure(options *handlers.Options) error {
	for _, origin := range d.origins {
		parsed, err := url.Parse(origin)
		if err != nil || parsed.Scheme != "https" && parsed.Scheme != "http" || parsed.Host == "" || origin != parsed.Scheme+"://"+parsed.Host {
			return misused("--cors-origin must be a scheme and a host, as https://chat.example, not %q", origin)
		}
	}
	options.Origins = d.origins
	for _, proxy := range d.proxies {
		network, err := parseNetwork(proxy)
		if err != nil {
			return misused("--trusted-proxy: %w", err)
		}
		options.Proxies = append(options.Proxies, network)
	}
	if d.issuer == "" {
		return nil
	}
	if parsed, err := url.Parse(d.issuer); err != nil || parsed.Scheme != "https" && parsed.Scheme != "http" || parsed.Host == "" {
		return misused("--oidc-issuer must be a URL, as https://accounts.example, not %q", d.issuer)
	}
	if d.audience == "" {
		return misused("--oidc-audience must not be empty, or tokens meant for others would be accepted")
	}
	options.Issuer = handlers.NewIssuer(handlers.IssuerOptions{
		URL: d.issuer, Audience: d.audience, UserClaim: d.userClaim, ScopeClaim: d.scopeClaim, Now: time.Now,
	})
	return nil
}

// networks are those that --outbound-allow names.
func (d *door) networks() (allowed []netip.Prefix, err error) {
	for _, text := range d.outbound {
		network, err := parseNetwork(text)
		if err != nil {
			return nil, misused("--outbound-allow: %w", err)
		}
		allowed = append(allowed, network)
	}
	return allowed, nil
}

// address is where clients find the server, which listens at another address
// if a proxy stands before it.
func (d *door) address(listening string) (string, error) {
	if d.publicURL == "" {
		return listening, nil
	}
	at, err := url.Parse(d.publicURL)
	if err != nil || at.Scheme != "https" && at.Scheme != "http" || at.Host == "" || at.RawQuery != "" || at.Fragment != "" {
		return "", misused("--public-url must be a URL, as https://chat.example, not %q", d.publicURL)
	}
	return strings.TrimSuffix(d.publicURL, "/"), nil
}

func parseNetwork(text string) (netip.Prefix, error) {
	if address, err := netip.ParseAddr(text); err == nil {
		return netip.PrefixFrom(address, address.BitLen()), nil
	}
	network, err := netip.ParsePrefix(text)
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("%q is no address and no network, as 10.0.0.0/8", text)
	}
	return network.Masked(), nil
}

// certificate is what --tls-cert and --tls-key name, or nil if nothing.
func (d *door) certificate(logger *slog.Logger) (*tlsPair, error) {
	switch {
	case (d.cert == "") != (d.key == ""):
		return nil, misused("--tls-cert and --tls-key go together")
	case d.cert == "":
		return nil, nil
	}
	return openTLSPair(d.cert, d.key, logger)
}
