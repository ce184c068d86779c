package netguard

import (
	"net/netip"
	"testing"
)

func TestPermits(t *testing.T) {
	strict := Guard{}
	for _, address := range []string{
		"127.0.0.1", "127.8.9.1", "::1", "0.0.0.0", "::", "10.0.0.1", "10.96.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1",
		"100.64.0.1", "169.254.169.254", "fe80::1", "fe80::1%eth0", "fd00:ec2::254", "fc00::1", "224.0.0.1", "ff02::1",
		"255.255.255.255", "240.0.0.1", "192.0.0.192", "198.18.0.1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254",
		"64:ff9b::a00:1", "2002:7f00:1::1", "2001:0:1::1", "::7f00:1", "fec0::1", "168.63.129.16", "::ffff:168.63.129.16", "fd20:ce::254",
	} {
		if strict.Permits(netip.MustParseAddr(address)) {
			t.Errorf("%s is permitted", address)
		}
	}
	for _, address := range []string{"1.1.1.1", "8.8.8.8", "172.32.0.1", "100.128.0.1", "2606:4700:4700::1111", "2a00:1450:4001::1"} {
		if !strict.Permits(netip.MustParseAddr(address)) {
			t.Errorf("%s is not permitted", address)
		}
	}
	open := Guard{[]netip.Prefix{netip.MustParsePrefix("10.1.0.0/16")}}
	for address, want := range map[string]bool{"10.1.2.3": true, "::ffff:10.1.2.3": true, "10.2.0.1": false, "127.0.0.1": false, "1.1.1.1": true} {
		if got := open.Permits(netip.MustParseAddr(address)); got != want {
			t.Errorf("with 10.1.0.0/16 allowed, %s is permitted: %v", address, got)
		}
	}
	if strict.Permits(netip.Addr{}) {
		t.Error("no address at all is permitted")
	}
}
