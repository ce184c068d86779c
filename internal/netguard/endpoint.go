package netguard

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"syscall"
)

// Where no endpoint of a model is, whatever an operator allows: a key, or a page, has no business there, and whoever may name
// endpoints shall not make the relay speak to them.
var (
	// never holds what is on the same link, with the settings and credentials that clouds serve there, clouds' services at other
	// addresses, and addresses that are no machine's.
	never = prefixes(
		"0.0.0.0/8", "169.254.0.0/16", "192.0.0.192/32", "100.100.100.200/32", "168.63.129.16/32", "224.0.0.0/4", "240.0.0.0/4",
		"::/128", "fe80::/10", "fec0::/10", "ff00::/8", "fd00:ec2::/32", "fd20:ce::/32",
	)
	// neverPorts are those of etcd, of kubelets, and of the control plane's programs.
	neverPorts = []uint16{2379, 2380, 10250, 10255, 10257, 10259}
	// private are the networks that clusters use for pods, Services and machines.
	private = prefixes("10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")
)

// Endpoint decides where the endpoint of a model may be.
type Endpoint struct {
	// InCluster endpoints have private addresses, the others public ones: an address says whether pages stay where the model's
	// resource says that they do.
	InCluster bool
	// Allowed ranges are taken for either. They do not open the API server, the control plane's ports or the clouds' services.
	Allowed []netip.Prefix
	// APIServers tells the addresses of the API server as they are at present. No connection is made while it fails.
	APIServers func(context.Context) ([]netip.AddrPort, error)
}

// Permits tells whether an endpoint may be at an address, which is none of an API server's.
func (e Endpoint) Permits(target netip.AddrPort) bool {
	address := target.Addr().WithZone("").Unmap()
	switch {
	case !address.IsValid(), slices.Contains(neverPorts, target.Port()), within(never, address):
		return false
	case within(e.Allowed, address):
		return true
	case e.InCluster:
		return within(private, address)
	}
	return Guard{}.Permits(address)
}

// Control refuses the address that a net.Dialer is about to connect to.
func (e Endpoint) Control(ctx context.Context, _, address string, _ syscall.RawConn) error {
	target, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrRefused, err)
	}
	servers, err := e.APIServers(ctx)
	if err != nil {
		return fmt.Errorf("tell the API server's addresses: %w", err)
	}
	if !e.Permits(target) || slices.Contains(servers, plain(target)) {
		return fmt.Errorf("%w: %s", ErrRefused, target)
	}
	return nil
}

// plain is an address without what may be said in two ways.
func plain(address netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(address.Addr().WithZone("").Unmap(), address.Port())
}
