package netguard

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"sync"
	"time"

	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

const (
	// serversTime is how long the API server's addresses are taken to be the same.
	serversTime = 30 * time.Second
	// findTime is how long a connection waits for them.
	findTime = 5 * time.Second
)

// APIServers keeps the addresses of the API server: those by which this program reaches it, and those that the cluster's own Service
// leads to. It is safe for use by several goroutines.
type APIServers struct {
	// Slices reads the EndpointSlices of the Service kubernetes in the namespace default.
	Slices client.Reader
	// Hosts are its other addresses: a URL, or HOST:PORT; names are resolved.
	Hosts []string

	mu    sync.Mutex
	known []netip.AddrPort
	since time.Time
}

// Addresses of the API server. While they cannot be found out, they are those of before; without any it fails.
func (s *APIServers) Addresses(ctx context.Context) ([]netip.AddrPort, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if time.Since(s.since) < serversTime {
		return s.known, nil
	}
	found, err := s.find(ctx)
	if err != nil {
		if s.known != nil {
			return s.known, nil
		}
		return nil, err
	}
	s.known, s.since = found, time.Now()
	return found, nil
}

func (s *APIServers) find(ctx context.Context) ([]netip.AddrPort, error) {
	ctx, cancel := context.WithTimeout(ctx, findTime)
	defer cancel()
	found := []netip.AddrPort{}
	var slices discoveryv1.EndpointSliceList
	if err := s.Slices.List(ctx, &slices, client.InNamespace(metav1.NamespaceDefault), client.MatchingLabels{discoveryv1.LabelServiceName: "kubernetes"}); err != nil {
		return nil, fmt.Errorf("list the API server's EndpointSlices: %w", err)
	}
	for _, slice := range slices.Items {
		for _, port := range slice.Ports {
			for _, endpoint := range slice.Endpoints {
				for _, text := range endpoint.Addresses {
					if address, err := netip.ParseAddr(text); err == nil && port.Port != nil {
						found = append(found, plain(netip.AddrPortFrom(address, uint16(*port.Port))))
					}
				}
			}
		}
	}
	for _, host := range s.Hosts {
		addresses, err := resolve(ctx, host)
		if err != nil {
			return nil, err
		}
		found = append(found, addresses...)
	}
	return found, nil
}

// resolve finds the addresses of a URL, or of HOST:PORT.
func resolve(ctx context.Context, host string) ([]netip.AddrPort, error) {
	if address, err := url.Parse(host); err == nil && address.Host != "" {
		port := address.Port()
		if port == "" {
			port = map[string]string{"http": "80"}[address.Scheme]
		}
		if port == "" {
			port = "443"
		}
		host = net.JoinHostPort(address.Hostname(), port)
	}
	name, portText, err := net.SplitHostPort(host)
	if err != nil {
		return nil, fmt.Errorf("read the API server's address: %w", err)
	}
	port, err := strconv.ParseUint(portText, 10, 16)
	if err != nil {
		return nil, fmt.Errorf("read the API server's port: %w", err)
	}
	addresses, err := net.DefaultResolver.LookupNetIP(ctx, "ip", name)
	if err != nil {
		return nil, fmt.Errorf("resolve the API server's name: %w", err)
	}
	found := make([]netip.AddrPort, 0, len(addresses))
	for _, address := range addresses {
		found = append(found, plain(netip.AddrPortFrom(address, uint16(port))))
	}
	return found, nil
}
