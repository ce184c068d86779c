// Package manifests holds manifests of other projects' kinds against those projects' own types: no field is misspelt, and none is of
// another type. It is a module of its own, so that the product does not depend on them.
package manifests

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
	"sigs.k8s.io/yaml"
)

// kinds are those that we have manifests of, with where they come from.
var kinds = map[string]func() any{
	"monitoring.coreos.com/v1 ServiceMonitor": func() any { return new(monitoringv1.ServiceMonitor) },
	"monitoring.coreos.com/v1 PrometheusRule": func() any { return new(monitoringv1.PrometheusRule) },
	"gateway.networking.k8s.io/v1 Gateway":    func() any { return new(gatewayv1.Gateway) },
	"gateway.networking.k8s.io/v1 HTTPRoute":  func() any { return new(gatewayv1.HTTPRoute) },
}

func TestManifestsAreOfTheirKinds(t *testing.T) {
	seen := map[string]int{}
	for _, file := range []string{"monitoring/service_monitors.yaml", "monitoring/prometheus_rule.yaml", "exposure/gateway_api.yaml"} {
		text, err := os.ReadFile(filepath.Join("../../config", file))
		if err != nil {
			t.Fatal(err)
		}
		for _, document := range bytes.Split(text, []byte("\n---\n")) {
			var head struct{ APIVersion, Kind string }
			if err := yaml.Unmarshal(document, &head); err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			kind := head.APIVersion + " " + head.Kind
			object := kinds[kind]
			if object == nil {
				t.Errorf("%s: nobody knows %q", file, kind)
				continue
			}
			if err := yaml.UnmarshalStrict(document, object()); err != nil {
				t.Errorf("%s: %s: %v", file, kind, err)
			}
			seen[kind]++
		}
	}
	for kind := range kinds {
		if seen[kind] == 0 {
			t.Errorf("there is no %s", kind)
		}
	}
}
