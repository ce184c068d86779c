package organization

import (
	"reflect"
	"testing"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
)

func TestAPIServerPeers(t *testing.T) {
	service := &corev1.Service{Spec: corev1.ServiceSpec{ClusterIPs: []string{"10.96.0.1", "fd00::1"}, Ports: []corev1.ServicePort{{Port: 443}}}}
	endpoint := func(addresses ...string) discoveryv1.EndpointSlice {
		return discoveryv1.EndpointSlice{
			Ports:     []discoveryv1.EndpointPort{{Port: new(int32(6443))}, {}},
			Endpoints: []discoveryv1.Endpoint{{Addresses: addresses}},
		}
	}
	want := []Peer{{"10.96.0.1/32", 443}, {"192.0.2.1/32", 6443}, {"192.0.2.2/32", 6443}, {"fd00::1/128", 443}}
	for _, order := range [][]discoveryv1.EndpointSlice{
		{endpoint("192.0.2.1"), endpoint("192.0.2.2", "192.0.2.1")},
		{endpoint("192.0.2.2", "192.0.2.1", "not an address")},
	} {
		if got := apiServerPeers(service, order); !reflect.DeepEqual(got, want) {
			t.Errorf("the peers are %v, want %v", got, want)
		}
	}
}

func TestParsePeer(t *testing.T) {
	for text, want := range map[string]Peer{
		"192.0.2.0/24":       {"192.0.2.0/24", 443},
		"192.0.2.7/32:9000":  {"192.0.2.7/32", 9000},
		"2001:db8::/32":      {"2001:db8::/32", 443},
		"2001:db8::/32:9000": {"2001:db8::/32", 9000},
	} {
		if got, err := ParsePeer(text); err != nil || got != want {
			t.Errorf("%s: got %v, %v, want %v", text, got, err, want)
		}
	}
	for _, text := range []string{
		"", "192.0.2.1", "192.0.2.1:443", "192.0.2.1/24", "store.example.com/24", "192.0.2.0/24:0", "192.0.2.0/24:http", "192.0.2.0/24:65536",
		"169.254.169.254/32", "168.63.129.16/32", "0.0.0.0/0", "::/0", "fe80::/64", "fd00::/8",
	} {
		if got, err := ParsePeer(text); err == nil {
			t.Errorf("%q was taken for %v", text, got)
		}
	}
}

func TestWorkersReachTheGatewayAndTheAPIServerOnly(t *testing.T) {
	o := organization("a", 0)
	objects := objectsOf(&o, "khocr-system", []Peer{{"10.96.0.1/32", 443}})
	policy, err := asMap(objects[len(objects)-1].desired)
	if err != nil {
		t.Fatal(err)
	}
	spec := policy["spec"].(map[string]any)
	if len(spec["policyTypes"].([]any)) != 2 || spec["ingress"] != nil {
		t.Errorf("something may come in: %v", spec)
	}
	egress := spec["egress"].([]any)
	if len(egress) != 2 {
		t.Fatalf("the ways out are %v, want two", egress)
	}
	for _, way := range egress {
		rule := way.(map[string]any)
		if len(rule["to"].([]any)) != 1 || len(rule["ports"].([]any)) != 1 {
			t.Errorf("a way out is not of one peer and port: %v", rule)
		}
	}
	if spec["podSelector"] == nil {
		t.Errorf("the policy is not for every pod: %v", spec["podSelector"])
	}
}
