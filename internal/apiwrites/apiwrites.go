// Package apiwrites counts what a program writes to the API server, by resource: client-go counts requests by method and
// status alone, and a write too many for each document is what makes a control plane slow.
package apiwrites

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
)

var writes = prometheus.NewCounterVec(prometheus.CounterOpts{
	Name: "khocr_api_writes_total",
	Help: "Writes that the API server has answered, by verb, resource (with its subresource) and status.",
}, []string{"verb", "resource", "status"})

func init() { metrics.Registry.MustRegister(writes) }

// Count makes a transport that counts: it is for rest.Config.Wrap.
func Count(next http.RoundTripper) http.RoundTripper { return counter{next} }

type counter struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (c counter) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := c.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if verb, resource, ok := write(r.Method, r.URL.Path); ok {
		writes.WithLabelValues(verb, resource, strconv.Itoa(response.StatusCode)).Inc()
	}
	return response, nil
}

// WrappedRoundTripper lets client-go reach the transport below.
func (c counter) WrappedRoundTripper() http.RoundTripper { return c.next }

// write tells what a request writes, or that it is none. Names are no part of it: only what an API has few of.
func write(method, path string) (verb, resource string, ok bool) {
	verb = map[string]string{
		http.MethodPost: "create", http.MethodPut: "update", http.MethodPatch: "patch", http.MethodDelete: "delete",
	}[method]
	if verb == "" {
		return "", "", false
	}
	parts := strings.Split(strings.Trim(path, "/"), "/")
	switch {
	case parts[0] == "api" && len(parts) > 2: // api/v1/...
		parts = parts[2:]
	case parts[0] == "apis" && len(parts) > 3: // apis/GROUP/VERSION/...
		parts = parts[3:]
	default:
		return "", "", false
	}
	if parts[0] == "namespaces" && len(parts) > 2 && parts[2] != "status" && parts[2] != "finalize" {
		parts = parts[2:] // namespaces/NAME/...
	}
	resource = parts[0] // RESOURCE/NAME/SUBRESOURCE
	if len(parts) > 2 {
		resource += "/" + parts[2]
	}
	return verb, resource, true
}
