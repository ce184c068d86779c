// Package netguard decides which addresses a program of the platform may connect to on behalf of others. It decides at the moment of
// connecting, after names were resolved: a name that changes its address between a look and the connection gains nothing.
package netguard

import (
	"errors"
	"fmt"
	"net/netip"
	"syscall"
)

// ErrRefused: the address is not one that may be connected to.
var ErrRefused = errors.New("address not allowed")

// special are the ranges that lie outside of the public internet or lead back into private ones (IANA's registries of
// special-purpose addresses). Clouds serve their credentials in 169.254.0.0/16 and in fc00::/7, and Azure settings of its
// machines at 168.63.129.16, which looks like any public address.
var special = prefixes(
	"168.63.129.16/32",
	"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
	"192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
	"224.0.0.0/4", "240.0.0.0/4",
	"::/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20",
	"5f00::/16", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8",
)

func prefixes(list ...string) []netip.Prefix {
	parsed := make([]netip.Prefix, 0, len(list))
	for _, one := range list {
		parsed = append(parsed, netip.MustParsePrefix(one))
	}
	return parsed
}

// Guard decides where documents may come from, and messages go to: public addresses.
type Guard struct {
	// Allowed ranges are taken although they are special.
	Allowed []netip.Prefix
}

// Permits tells whether an address may be connected to.
func (g Guard) Permits(address netip.Addr) bool {
	// A zone names an interface of this machine, and an IPv4 address may come dressed as IPv6.
	address = address.WithZone("").Unmap()
	return address.IsValid() && (within(g.Allowed, address) || !within(special, address))
}

func within(ranges []netip.Prefix, address netip.Addr) bool {
	for _, one := range ranges {
		if one.Contains(address) {
			return true
		}
	}
	return false
}

// Control refuses the address that a net.Dialer is about to connect to.
func (g Guard) Control(_, address string, _ syscall.RawConn) error {
	target, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrRefused, err)
	}
	if !g.Permits(target.Addr()) {
		return fmt.Errorf("%w: %s", ErrRefused, target.Addr())
	}
	return nil
}
