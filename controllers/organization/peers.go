package organization

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
)

// Peer is a block of addresses, as a CIDR, and a TCP port.
type Peer struct {
	CIDR string
	Port int32
}

// storePort is that of a store where none is said.
const storePort = 443

// handouts are where clouds hand credentials out to whoever asks.
var handouts = []netip.Prefix{
	netip.MustParsePrefix("169.254.0.0/16"), netip.MustParsePrefix("fe80::/10"), netip.MustParsePrefix("fd00:ec2::254/128"),
	netip.MustParsePrefix("fd20:ce::254/128"), netip.MustParsePrefix("168.63.129.16/32"),
}

// ParsePeer reads CIDR or CIDR:PORT, such as 192.0.2.0/24:9000 or 2001:db8::/32. The port is 443 where it is missing.
func ParsePeer(text string) (Peer, error) {
	address, rest, ok := strings.Cut(text, "/")
	bits, port, hasPort := strings.Cut(rest, ":")
	prefix, err := netip.ParsePrefix(address + "/" + bits)
	if !ok || err != nil || prefix != prefix.Masked() {
		return Peer{}, fmt.Errorf("%q is no block of addresses like 192.0.2.0/24, with a port behind it or without", text)
	}
	for _, handout := range handouts {
		if prefix.Overlaps(handout) {
			return Peer{}, fmt.Errorf("%q holds addresses of %s, where clouds hand out credentials", text, handout)
		}
	}
	peer := Peer{CIDR: prefix.String(), Port: storePort}
	if hasPort {
		number, err := strconv.ParseUint(port, 10, 16)
		if err != nil || number == 0 {
			return Peer{}, fmt.Errorf("%q has no port from 1 to 65535", text)
		}
		peer.Port = int32(number)
	}
	return peer, nil
}

// apiServerPeers are the addresses of the API server, in a fixed order: those of its Service and those behind it. Network
// plugins differ in which of the two they hold a policy against; no selector can name either.
func apiServerPeers(service *corev1.Service, slicesOf []discoveryv1.EndpointSlice) []Peer {
	var peers []Peer
	add := func(address string, port int32) {
		if cidr := singleAddress(address); cidr != "" {
			peers = append(peers, Peer{cidr, port})
		}
	}
	for _, port := range service.Spec.Ports {
		for _, address := range service.Spec.ClusterIPs {
			add(address, port.Port)
		}
	}
	for _, slice := range slicesOf {
		for _, port := range slice.Ports {
			if port.Port == nil {
				continue
			}
			for _, endpoint := range slice.Endpoints {
				for _, address := range endpoint.Addresses {
					add(address, *port.Port)
				}
			}
		}
	}
	slices.SortFunc(peers, func(a, b Peer) int {
		return slices.Compare([]string{a.CIDR, strconv.Itoa(int(a.Port))}, []string{b.CIDR, strconv.Itoa(int(b.Port))})
	})
	return slices.Compact(peers)
}

// singleAddress is the range of one address, or empty for what is none.
func singleAddress(address string) string {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return ""
	}
	return netip.PrefixFrom(ip, ip.BitLen()).String()
}
