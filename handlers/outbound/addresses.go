package outbound

import (
	"net/netip"
	"slices"
)

// reserved are the networks that are not the internet's, though they are
// global unicast by their form: those of the special-purpose registries of
// IANA, and the address at which one provider's machines find its metadata.
// https://www.iana.org/assignments/iana-ipv4-special-registry
// https://www.iana.org/assignments/iana-ipv6-special-registry
var reserved = prefixes(
	"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15",
	"198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4", "168.63.129.16/32",
	"2001::/23", "2001:db8::/32", "3fff::/20", "5f00::/16",
)

var (
	// internet is the only part of IPv6 that is routed as global unicast.
	internet = netip.MustParsePrefix("2000::/3")
	// Addresses of these hold one of IPv4: NAT64 in the last four bytes (RFC
	// 6052), 6to4 in those after the first two (RFC 3056).
	nat64, sixToFour = netip.MustParsePrefix("64:ff9b::/96"), netip.MustParsePrefix("2002::/16")
)

func prefixes(texts ...string) []netip.Prefix {
	all := make([]netip.Prefix, len(texts))
	for i, text := range texts {
		all[i] = netip.MustParsePrefix(text)
	}
	return all
}

// Public tells whether an address is one of the internet's, rather than of this
// machine, a network around it, or a use of its own.
func Public(address netip.Addr) bool {
	address = address.WithZone("").Unmap()
	if address.Is6() {
		bytes := address.As16()
		switch {
		case nat64.Contains(address):
			return Public(netip.AddrFrom4([4]byte(bytes[12:16])))
		case sixToFour.Contains(address):
			return Public(netip.AddrFrom4([4]byte(bytes[2:6])))
		case !internet.Contains(address):
			return false
		}
	}
	return address.IsGlobalUnicast() && !address.IsPrivate() &&
		!slices.ContainsFunc(reserved, func(p netip.Prefix) bool { return p.Contains(address) })
}
