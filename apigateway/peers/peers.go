// Package peers counts the gateways that serve the public API side by side.
package peers

import (
	"context"

	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// service is the Service of the public API, whose ready endpoints are the gateways.
const service = "khocr-gateway"

// CacheOptions keep of all EndpointSlices only those of the gateways in a namespace.
func CacheOptions(namespace string) cache.ByObject {
	return cache.ByObject{Namespaces: map[string]cache.Config{
		namespace: {LabelSelector: labels.SelectorFromSet(labels.Set{discoveryv1.LabelServiceName: service})},
	}}
}

// Counter counts the gateways that are ready, by a cache with CacheOptions.
func Counter(reader client.Reader) func() int {
	return func() int {
		var found discoveryv1.EndpointSliceList
		// The cache answers from memory; it fails only when the process ends.
		if err := reader.List(context.Background(), &found, client.UnsafeDisableDeepCopy); err != nil {
			return 0
		}
		return ready(found.Items)
	}
}

// ready counts ready endpoints. A Service of two address families has each of its endpoints twice.
func ready(slices []discoveryv1.EndpointSlice) int {
	count := map[discoveryv1.AddressType]int{}
	most := 0
	for _, slice := range slices {
		for _, endpoint := range slice.Endpoints {
			if is := endpoint.Conditions.Ready; is == nil || *is {
				count[slice.AddressType]++
				most = max(most, count[slice.AddressType])
			}
		}
	}
	return most
}
