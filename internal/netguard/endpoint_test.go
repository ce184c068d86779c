package netguard

import (
	"context"
	"errors"
	"net/netip"
	"testing"

	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openplp/khocr/internal/testenv"
)

func TestWhereEndpointsMayBe(t *testing.T) {
	allowed := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("203.0.113.0/24")}
	everything := []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")}
	for name, c := range map[string]struct {
		address   string
		inCluster bool
		allowed   []netip.Prefix
		want      bool
	}{
		"a Service for one in the cluster":            {"10.96.4.5:8000", true, nil, true},
		"a pod by IPv6 for one in the cluster":        {"[fd12::7]:8000", true, nil, true},
		"a carrier's network for one in the cluster":  {"100.64.1.1:80", true, nil, true},
		"a public address for one in the cluster":     {"1.1.1.1:443", true, nil, false},
		"a public address that is the operator's own": {"203.0.113.9:443", true, allowed, true},
		"loopback":                                     {"127.0.0.1:8000", true, nil, false},
		"loopback by IPv6":                             {"[::1]:8000", true, nil, false},
		"loopback dressed as IPv6":                     {"[::ffff:127.0.0.1]:8000", true, nil, false},
		"loopback that is allowed":                     {"127.0.0.1:8000", true, allowed, true},
		"allowed loopback dressed as IPv6":             {"[::ffff:127.0.0.1]:8000", true, allowed, true},
		"a public address for an external one":         {"1.1.1.1:443", false, nil, true},
		"a Service for an external one":                {"10.96.4.5:443", false, nil, false},
		"loopback for an external one":                 {"127.0.0.1:443", false, nil, false},
		"loopback that is allowed for an external one": {"127.0.0.1:443", false, allowed, true},
		"the metadata of clouds":                       {"169.254.169.254:80", true, everything, false},
		"the metadata of clouds for an external one":   {"169.254.169.254:80", false, everything, false},
		"the metadata of clouds dressed as IPv6":       {"[::ffff:169.254.169.254]:80", true, everything, false},
		"Amazon's metadata by IPv6":                    {"[fd00:ec2::254]:80", true, everything, false},
		"Google's metadata by IPv6":                    {"[fd20:ce::254]:80", true, everything, false},
		"Alibaba's metadata":                           {"100.100.100.200:80", true, everything, false},
		"Oracle's metadata":                            {"192.0.0.192:80", true, everything, false},
		"Azure's settings of machines":                 {"168.63.129.16:80", false, everything, false},
		"the same link by IPv6":                        {"[fe80::1%eth0]:80", true, everything, false},
		"nobody":                                       {"0.0.0.0:80", true, everything, false},
		"nobody by IPv6":                               {"[::]:80", true, everything, false},
		"many":                                         {"224.0.0.1:80", true, everything, false},
		"many by IPv6":                                 {"[ff02::1]:80", true, everything, false},
		"a kubelet":                                    {"10.0.0.3:10250", true, everything, false},
		"etcd":                                         {"10.0.0.3:2379", true, everything, false},
		"etcd's peers on loopback":                     {"127.0.0.1:2380", true, everything, false},
		"a port beside etcd's":                         {"10.0.0.3:2381", true, nil, true},
	} {
		guard := Endpoint{InCluster: c.inCluster, Allowed: c.allowed}
		if got := guard.Permits(netip.MustParseAddrPort(c.address)); got != c.want {
			t.Errorf("%s: %s is permitted: %v", name, c.address, got)
		}
	}
	if (Endpoint{InCluster: true, Allowed: everything}).Permits(netip.AddrPort{}) {
		t.Error("no address at all is permitted")
	}
}

func TestTheAPIServerIsNoEndpoint(t *testing.T) {
	server := netip.MustParseAddrPort("10.96.0.1:443")
	away := errors.New("away")
	guard := func(err error) Endpoint {
		return Endpoint{InCluster: true, APIServers: func(context.Context) ([]netip.AddrPort, error) { return []netip.AddrPort{server}, err }}
	}
	for name, c := range map[string]struct {
		address string
		err     error
		want    error
	}{
		"itself":                       {"10.96.0.1:443", nil, ErrRefused},
		"itself dressed as IPv6":       {"[::ffff:10.96.0.1]:443", nil, ErrRefused},
		"another port of its machine":  {"10.96.0.1:8000", nil, nil},
		"anybody while it is not told": {"10.96.4.5:8000", away, away},
		"no address":                   {"vllm:80", nil, ErrRefused},
	} {
		if err := guard(c.err).Control(t.Context(), "tcp", c.address, nil); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestTheAPIServersAddressesAreFound asks a real API server, which writes its own address into the EndpointSlice.
func TestTheAPIServersAddressesAreFound(t *testing.T) {
	environment := testenv.Start(t)
	testenv.Await(t, "the API server has its EndpointSlice", func() bool {
		var slice discoveryv1.EndpointSliceList
		return environment.Client.List(t.Context(), &slice) == nil && len(slice.Items) > 0
	})
	if err := environment.Client.Create(t.Context(), &discoveryv1.EndpointSlice{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "kubernetes-second", Labels: map[string]string{
			discoveryv1.LabelServiceName: "kubernetes", discoveryv1.LabelManagedBy: "test"}},
		AddressType: discoveryv1.AddressTypeIPv4,
		Endpoints:   []discoveryv1.Endpoint{{Addresses: []string{"10.1.2.3", "10.1.2.4"}}},
		Ports:       []discoveryv1.EndpointPort{{Port: new(int32(6443)), Name: new("https")}},
	}); err != nil {
		t.Fatal(err)
	}
	servers := &APIServers{Slices: environment.Client, Hosts: []string{environment.Admin.Host, "10.96.0.1:443", "https://[fd00::1]"}}
	found, err := servers.Addresses(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	admin, err := resolve(t.Context(), environment.Admin.Host)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range append(admin, netip.MustParseAddrPort("10.1.2.3:6443"), netip.MustParseAddrPort("10.1.2.4:6443"),
		netip.MustParseAddrPort("10.96.0.1:443"), netip.MustParseAddrPort("[fd00::1]:443")) {
		guard := Endpoint{InCluster: true, Allowed: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, APIServers: servers.Addresses}
		if err := guard.Control(t.Context(), "tcp", want.String(), nil); !errors.Is(err, ErrRefused) {
			t.Errorf("%s of %v: %v", want, found, err)
		}
	}
	unknown := &APIServers{Slices: environment.Client, Hosts: []string{"nothing"}}
	if _, err := unknown.Addresses(t.Context()); err == nil {
		t.Error("an API server without an address is taken for none")
	}
}
