package peers

import (
	"context"
	"testing"

	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openplp/khocr/internal/testenv"
)

func slice(family discoveryv1.AddressType, ready ...*bool) discoveryv1.EndpointSlice {
	s := discoveryv1.EndpointSlice{AddressType: family}
	for _, is := range ready {
		s.Endpoints = append(s.Endpoints, discoveryv1.Endpoint{
			Addresses: []string{"10.0.0.1"}, Conditions: discoveryv1.EndpointConditions{Ready: is},
		})
	}
	return s
}

func TestReady(t *testing.T) {
	yes, no := new(true), new(false)
	v4, v6 := discoveryv1.AddressTypeIPv4, discoveryv1.AddressTypeIPv6
	for name, c := range map[string]struct {
		slices []discoveryv1.EndpointSlice
		want   int
	}{
		"none":                            {nil, 0},
		"those that are not ready do not": {[]discoveryv1.EndpointSlice{slice(v4, yes, no, yes)}, 2},
		"those of whom nothing is said":   {[]discoveryv1.EndpointSlice{slice(v4, nil)}, 1},
		"several slices":                  {[]discoveryv1.EndpointSlice{slice(v4, yes), slice(v4, yes, no)}, 2},
		"two families":                    {[]discoveryv1.EndpointSlice{slice(v4, yes, yes), slice(v6, yes, yes)}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			if got := ready(c.slices); got != c.want {
				t.Errorf("got %d, want %d", got, c.want)
			}
		})
	}
}

func TestGatewaysAreCountedAsTheyComeAndGo(t *testing.T) {
	environment := testenv.Start(t)
	gateways, err := cache.New(environment.Admin, cache.Options{Scheme: testenv.Scheme(), ByObject: map[client.Object]cache.ByObject{
		&discoveryv1.EndpointSlice{}: CacheOptions("khocr-system"),
	}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	stopped := make(chan error, 1)
	go func() { stopped <- gateways.Start(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-stopped; err != nil {
			t.Error(err)
		}
	})

	create := func(namespace, name, service string, ready ...*bool) *discoveryv1.EndpointSlice {
		s := slice(discoveryv1.AddressTypeIPv4, ready...)
		s.ObjectMeta = metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: map[string]string{discoveryv1.LabelServiceName: service}}
		if err := environment.Client.Create(t.Context(), &s); err != nil {
			t.Fatal(err)
		}
		return &s
	}
	create("khocr-system", "internal", "khocr-gateway-internal", new(true), new(true), new(true))
	create(environment.Namespace(t, "elsewhere"), "gateway", "khocr-gateway", new(true), new(true), new(true))
	public := create("khocr-system", "gateway", "khocr-gateway", new(true), new(false))
	count := Counter(gateways)
	testenv.Await(t, "one gateway is counted", func() bool { return count() == 1 })
	public.Endpoints[1].Conditions.Ready = new(true)
	if err := environment.Client.Update(t.Context(), public); err != nil {
		t.Fatal(err)
	}
	testenv.Await(t, "the second one is counted", func() bool { return count() == 2 })
}
