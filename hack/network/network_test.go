// Package network tests which connections the NetworkPolicies leave to workers. The policies, pods and services are those that
// the controllers make and kustomize renders; what they mean is computed by cyclonus, which tests network plugins, and not by
// code of khocr.
package network

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/mattfenwick/cyclonus/pkg/matcher"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/openplp/khocr/controllers/organization"
	"github.com/openplp/khocr/test/platform"
)

// cluster is what the policies are held against.
type cluster struct {
	*platform.Platform
	policies *matcher.Policy
	// pods of the platform's own, by the names of their Deployments.
	deployed map[string]*corev1.Pod
}

// rendered reads what an operator applies.
func (c *cluster) rendered() (policies []*networkingv1.NetworkPolicy) {
	c.Helper()
	folder, err := os.MkdirTemp("../..", ".kustomization-")
	c.Must(err)
	defer func() { _ = os.RemoveAll(folder) }()
	c.Must(os.WriteFile(filepath.Join(folder, "kustomization.yaml"), []byte("resources: [../config/default]\ncomponents: [../config/ai]\n"), 0o600))
	command := exec.Command(filepath.Join(os.Getenv("KUBEBUILDER_ASSETS"), "kubectl"), "kustomize", folder)
	output, err := command.Output()
	c.Must(err)
	// A model beside the platform.
	model, err := os.ReadFile("../../examples/ai/vllm.yaml")
	c.Must(err)
	output = append(append(output, "\n---\n"...), model...)
	c.deployed = map[string]*corev1.Pod{}
	for _, document := range strings.Split(string(output), "\n---\n") {
		var kind struct{ Kind string }
		c.Must(yaml.Unmarshal([]byte(document), &kind))
		switch kind.Kind {
		case "NetworkPolicy":
			policy := new(networkingv1.NetworkPolicy)
			c.Must(yaml.UnmarshalStrict([]byte(document), policy))
			policies = append(policies, policy)
		case "Deployment":
			deployment := new(appsv1.Deployment)
			c.Must(yaml.UnmarshalStrict([]byte(document), deployment))
			pod := &corev1.Pod{ObjectMeta: deployment.Spec.Template.ObjectMeta, Spec: deployment.Spec.Template.Spec}
			pod.Namespace = deployment.Namespace
			c.deployed[deployment.Name] = pod
		}
	}
	return policies
}

// peerOf a pod, at an address that no policy names.
func (c *cluster) peerOf(pod *corev1.Pod) *matcher.TrafficPeer {
	c.Helper()
	namespace := new(corev1.Namespace)
	c.Must(c.Live.Get(c.Context(), client.ObjectKey{Name: pod.Namespace}, namespace))
	labelled := map[string]string{corev1.LabelMetadataName: pod.Namespace}
	for key, value := range namespace.Labels {
		labelled[key] = value
	}
	return &matcher.TrafficPeer{IP: "10.244.0.9", Internal: &matcher.InternalPeer{
		PodLabels: pod.Labels, Namespace: pod.Namespace, NamespaceLabels: labelled}}
}

func outside(address string) *matcher.TrafficPeer { return &matcher.TrafficPeer{IP: address} }

// port of a pod by its name.
func (c *cluster) port(pod *corev1.Pod, name string) int {
	c.Helper()
	for _, container := range pod.Spec.Containers {
		for _, port := range container.Ports {
			if port.Name == name {
				return int(port.ContainerPort)
			}
		}
	}
	c.Fatalf("pod has no port %s: %v", name, pod.Labels)
	return 0
}

// behind a Service are the deployed pods that it selects, and the port that its first one leads to: policies are about pods.
func (c *cluster) behind(name string) (pod *corev1.Pod, number int, portName string) {
	c.Helper()
	service := new(corev1.Service)
	c.Must(c.Live.Get(c.Context(), client.ObjectKey{Namespace: platform.System, Name: name}, service))
	for _, candidate := range c.deployed {
		if labels.SelectorFromSet(service.Spec.Selector).Matches(labels.Set(candidate.Labels)) {
			target := service.Spec.Ports[0].TargetPort
			if target.Type == intstr.Int {
				return candidate, target.IntValue(), ""
			}
			return candidate, c.port(candidate, target.StrVal), target.StrVal
		}
	}
	c.Fatalf("nothing is behind Service %s", name)
	return nil, 0, ""
}

// apiServer are the addresses that a worker finds the API server at: that of its Service, and those behind it.
func (c *cluster) apiServer() map[string]int {
	c.Helper()
	found := map[string]int{}
	service := new(corev1.Service)
	c.Must(c.Live.Get(c.Context(), client.ObjectKey{Namespace: "default", Name: "kubernetes"}, service))
	found[service.Spec.ClusterIP] = int(service.Spec.Ports[0].Port)
	endpoints := new(discoveryv1.EndpointSliceList)
	c.Must(c.Gateway.Client.List(c.Context(), endpoints, client.InNamespace("default"), client.MatchingLabels{discoveryv1.LabelServiceName: "kubernetes"}))
	for _, slice := range endpoints.Items {
		for _, endpoint := range slice.Endpoints {
			found[endpoint.Addresses[0]] = int(*slice.Ports[0].Port)
		}
	}
	return found
}

// connection is one that is tried.
type connection struct {
	name     string
	from, to *matcher.TrafficPeer
	port     int
	portName string
	protocol corev1.Protocol
	want     bool
}

func TestWhatWorkersReach(t *testing.T) {
	store, err := organization.ParsePeer("203.0.113.0/28:9000")
	if err != nil {
		t.Fatal(err)
	}
	c := &cluster{Platform: platform.Start(t, store)}
	home, elsewhere := c.Organize("moj"), c.Organize("other")
	own := c.Submit(home, "own", "0000000000aa", "%PDF-1.7")
	other := c.Submit(home, "another", "0000000000bb", "%PDF-1.7")
	foreign := c.Submit(elsewhere, "foreign", "0000000000cc", "%PDF-1.7")

	policies := c.rendered()
	made := new(networkingv1.NetworkPolicyList)
	c.Must(c.Gateway.Client.List(t.Context(), made))
	for i := range made.Items {
		policies = append(policies, &made.Items[i])
	}
	c.policies = matcher.BuildNetworkPolicies(false, policies)

	worker := c.peerOf(own.Pod)
	gateway, internal, internalName := c.behind("khocr-gateway-internal")
	_, public, publicName := c.behind("khocr-gateway")
	manager := c.deployed["khocr-manager"]
	if manager == nil {
		t.Fatal("no manager is deployed")
	}
	// An ordinary pod, and one that looks like a gateway in a namespace that is not the platform's.
	stranger := &corev1.Pod{}
	stranger.Namespace = "default"
	impostor := gateway.DeepCopy()
	impostor.Namespace = elsewhere
	intruder := &corev1.Pod{}
	intruder.Namespace = home

	relay, model := c.deployed["khocr-relay"], c.deployed["vllm"]
	if relay == nil || model == nil {
		t.Fatal("no relay, or no model, is deployed")
	}
	relayPort, modelPort := c.port(relay, "relay"), c.port(model, "http")
	models := &matcher.TrafficPeer{IP: "10.244.0.11", Internal: &matcher.InternalPeer{PodLabels: model.Labels, Namespace: model.Namespace,
		NamespaceLabels: map[string]string{corev1.LabelMetadataName: model.Namespace}}}

	const tcp, udp = corev1.ProtocolTCP, corev1.ProtocolUDP
	connections := []connection{
		{"the internal port", worker, c.peerOf(gateway), internal, internalName, tcp, true},
		{"the internal port's address as UDP", worker, c.peerOf(gateway), internal, internalName, udp, false},
		{"the public port, without a key", worker, c.peerOf(gateway), public, publicName, tcp, false},
		{"a pod elsewhere that looks like a gateway", worker, c.peerOf(impostor), internal, internalName, tcp, false},
		{"the manager's metrics", worker, c.peerOf(manager), c.port(manager, "metrics"), "metrics", tcp, false},
		{"another worker of its organization", worker, c.peerOf(other.Pod), 8443, "", tcp, false},
		{"a worker of another organization", worker, c.peerOf(foreign.Pod), 8443, "", tcp, false},
		{"an ordinary pod", worker, c.peerOf(stranger), 443, "", tcp, false},
		{"the cluster's name server", worker, c.peerOf(stranger), 53, "dns", udp, false},
		{"the cluster's name server over TCP", worker, c.peerOf(stranger), 53, "dns-tcp", tcp, false},
		{"a node's kubelet", worker, outside("10.0.0.4"), 10250, "", tcp, false},
		{"a node's name server", worker, outside("10.0.0.2"), 53, "", udp, false},
		{"a name server of the internet", worker, outside("8.8.8.8"), 53, "", udp, false},
		{"the internet, by HTTPS", worker, outside("198.51.100.7"), 443, "", tcp, false},
		{"the internet, by HTTP", worker, outside("198.51.100.7"), 80, "", tcp, false},
		{"the internet, by QUIC", worker, outside("198.51.100.7"), 443, "", udp, false},
		{"the internet of IPv6", worker, outside("2001:db8::7"), 443, "", tcp, false},
		{"the cloud's metadata (169.254.169.254)", worker, outside("169.254.169.254"), 80, "", tcp, false},
		{"the cloud's metadata, by HTTPS", worker, outside("169.254.169.254"), 443, "", tcp, false},
		{"the cloud's credentials for pods", worker, outside("169.254.170.23"), 80, "", tcp, false},
		{"the cloud's metadata of IPv6", worker, outside("fd00:ec2::254"), 80, "", tcp, false},
		{"the store", worker, outside("203.0.113.5"), 9000, "", tcp, true},
		{"another port of the store", worker, outside("203.0.113.5"), 22, "", tcp, false},
		{"the store's neighbour", worker, outside("203.0.113.16"), 9000, "", tcp, false},

		{"the relay", worker, c.peerOf(relay), relayPort, "relay", tcp, false},
		{"the relay's metrics", worker, c.peerOf(relay), c.port(relay, "metrics"), "metrics", tcp, false},
		{"a model beside the platform", worker, models, modelPort, "http", tcp, false},
		{"from the gateway to the relay", c.peerOf(gateway), c.peerOf(relay), relayPort, "relay", tcp, true},
		{"from the gateway to the relay's metrics", c.peerOf(gateway), c.peerOf(relay), c.port(relay, "metrics"), "metrics", tcp, false},
		{"from the gateway to a model beside the platform", c.peerOf(gateway), models, modelPort, "http", tcp, false},
		{"from the relay to a model beside the platform", c.peerOf(relay), models, modelPort, "http", tcp, true},
		{"from the relay to a model of somebody else's", c.peerOf(relay), outside("198.51.100.7"), 443, "", tcp, true},
		{"from the relay to the cloud's metadata", c.peerOf(relay), outside("169.254.169.254"), 80, "", tcp, false},
		{"from the relay to the cloud's metadata of IPv6", c.peerOf(relay), outside("fd00:ec2::254"), 80, "", tcp, false},
		{"from the relay to Azure's settings of machines", c.peerOf(relay), outside("168.63.129.16"), 80, "", tcp, false},
		{"from the relay to a worker", c.peerOf(relay), worker, 8443, "", tcp, false},
		{"from the relay to the internal port", c.peerOf(relay), c.peerOf(gateway), internal, internalName, tcp, false},
		{"from an ordinary pod to the relay", c.peerOf(stranger), c.peerOf(relay), relayPort, "relay", tcp, false},
		{"from the manager to the relay", c.peerOf(manager), c.peerOf(relay), relayPort, "relay", tcp, false},
		{"from an ordinary pod to a model beside the platform", c.peerOf(stranger), models, modelPort, "http", tcp, false},
		{"from a model beside the platform to the relay", models, c.peerOf(relay), relayPort, "relay", tcp, false},
		{"from a model beside the platform to a worker", models, worker, 8443, "", tcp, false},

		{"from another worker to a worker", c.peerOf(other.Pod), worker, 8443, "", tcp, false},
		{"from an ordinary pod to a worker", c.peerOf(stranger), worker, 8443, "", tcp, false},
		{"from the internet to a worker", outside("198.51.100.7"), worker, 8443, "", tcp, false},
		{"from an ordinary pod to the internal port", c.peerOf(stranger), c.peerOf(gateway), internal, internalName, tcp, false},
		{"from another pod of an organization to the internal port", c.peerOf(intruder), c.peerOf(gateway), internal, internalName, tcp, false},
		{"from the gateway to Azure's settings of machines", c.peerOf(gateway), outside("168.63.129.16"), 80, "", tcp, false},
		{"from the gateway to the cloud's metadata of IPv6", c.peerOf(gateway), outside("fd20:ce::254"), 80, "", tcp, false},
		{"from the gateway to the internet", c.peerOf(gateway), outside("198.51.100.7"), 443, "", tcp, true},
		{"from the gateway to the cloud's metadata", c.peerOf(gateway), outside("169.254.169.254"), 80, "", tcp, false},
	}
	for address, port := range c.apiServer() {
		target := net.JoinHostPort(address, strconv.Itoa(port))
		connections = append(connections,
			connection{"the API server at " + target, worker, outside(address), port, "", tcp, true},
			connection{"another port of " + target, worker, outside(address), 2379, "", tcp, false})
	}

	var table strings.Builder
	for _, connection := range connections {
		allowed := c.policies.IsTrafficAllowed(&matcher.Traffic{
			Source: connection.from, Destination: connection.to,
			ResolvedPort: connection.port, ResolvedPortName: connection.portName, Protocol: connection.protocol,
		}).IsAllowed()
		fmt.Fprintf(&table, "\n%-58s %s %5d  %s", connection.name, connection.protocol, connection.port, map[bool]string{true: "reached", false: "refused"}[allowed])
		if allowed != connection.want {
			t.Errorf("%s: allowed is %v", connection.name, allowed)
		}
	}
	t.Log(table.String())
}
