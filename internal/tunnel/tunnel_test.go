package tunnel

import (
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/rest"
	"k8s.io/streaming/pkg/httpstream"
	"k8s.io/streaming/pkg/httpstream/spdy"
)

// cluster is what an API server and a kubelet are to a tunnel: one service, one pod, and connections to what listens in it.
type cluster struct {
	*httptest.Server
	lock  sync.Mutex
	pods  []corev1.Pod
	ports []string
	// open are the connections that lead to pods, by their number.
	open []httpstream.Connection
	// inside is the address at which the gateway listens.
	inside string
	port   corev1.ServicePort
}

func startCluster(t *testing.T, inside string, port corev1.ServicePort) *cluster {
	c := &cluster{inside: inside, port: port}
	c.Server = httptest.NewServer(c)
	t.Cleanup(c.Close)
	c.ready("gateway-1")
	return c
}

// ready makes that pod the only one.
func (c *cluster) ready(pod string) {
	c.lock.Lock()
	defer c.lock.Unlock()
	c.pods = []corev1.Pod{
		{ObjectMeta: metav1.ObjectMeta{Name: "gateway-0"}},
		{ObjectMeta: metav1.ObjectMeta{Name: pod},
			Spec:   corev1.PodSpec{Containers: []corev1.Container{{Ports: []corev1.ContainerPort{{Name: "internal", ContainerPort: 8443}, {Name: "http", ContainerPort: 8080}}}}},
			Status: corev1.PodStatus{Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}}},
	}
}

// lose ends all connections to pods.
func (c *cluster) lose() {
	c.lock.Lock()
	defer c.lock.Unlock()
	for _, connection := range c.open {
		_ = connection.Close()
	}
	c.open = nil
}

func (c *cluster) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	const pods = "/api/v1/namespaces/khocr-system/pods"
	switch {
	case r.URL.Path == "/api/v1/namespaces/khocr-system/services/khocr-gateway":
		answer(w, &corev1.Service{TypeMeta: metav1.TypeMeta{Kind: "Service", APIVersion: "v1"},
			Spec: corev1.ServiceSpec{Selector: map[string]string{"app": "gateway"}, Ports: []corev1.ServicePort{c.port}}})
	case r.URL.Path == pods && r.URL.Query().Get("labelSelector") == "app=gateway":
		c.lock.Lock()
		defer c.lock.Unlock()
		answer(w, &corev1.PodList{TypeMeta: metav1.TypeMeta{Kind: "PodList", APIVersion: "v1"}, Items: c.pods})
	case strings.HasPrefix(r.URL.Path, pods+"/gateway-") && strings.HasSuffix(r.URL.Path, "/portforward"):
		c.forward(w, r)
	default:
		http.NotFound(w, r)
	}
}

func answer(w http.ResponseWriter, object any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(object)
}

// forward does as a kubelet does: each pair of streams is a connection to the pod.
func (c *cluster) forward(w http.ResponseWriter, r *http.Request) {
	if _, err := httpstream.Handshake(r, w, []string{"portforward.k8s.io"}); err != nil {
		return
	}
	streams := make(chan httpstream.Stream, 10)
	connection := spdy.NewResponseUpgrader().UpgradeResponse(w, r, func(stream httpstream.Stream, _ <-chan struct{}) error {
		streams <- stream
		return nil
	})
	if connection == nil {
		return
	}
	c.lock.Lock()
	c.open = append(c.open, connection)
	c.lock.Unlock()
	errs := map[string]httpstream.Stream{}
	for {
		select {
		case <-connection.CloseChan():
			return
		case stream := <-streams:
			request := stream.Headers().Get(corev1.PortForwardRequestIDHeader)
			if stream.Headers().Get(corev1.StreamType) == corev1.StreamTypeError {
				errs[request] = stream
				continue
			}
			c.lock.Lock()
			c.ports = append(c.ports, stream.Headers().Get(corev1.PortHeader))
			c.lock.Unlock()
			go c.pipe(stream, errs[request])
		}
	}
}

func (c *cluster) pipe(data, wrong httpstream.Stream) {
	defer wrong.Close()
	defer data.Close()
	pod, err := net.Dial("tcp", c.inside)
	if err != nil {
		_, _ = io.WriteString(wrong, err.Error())
		return
	}
	defer pod.Close()
	go func() { _, _ = io.Copy(pod, data) }()
	_, _ = io.Copy(data, pod)
}

var plainPort = corev1.ServicePort{Name: "http", Port: 80, TargetPort: intstr.FromString("http")}

func get(client *http.Client, address string) (string, error) {
	response, err := client.Get(address + "/api/v1/health")
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return string(body), err
}

func hello(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "hello "+r.URL.Path) }

func TestATunnelLeadsToTheGateway(t *testing.T) {
	for name, test := range map[string]struct {
		gateway *httptest.Server
		port    corev1.ServicePort
		scheme  string
		number  string
	}{
		"plain":    {httptest.NewServer(http.HandlerFunc(hello)), plainPort, "http", "8080"},
		"over TLS": {httptest.NewTLSServer(http.HandlerFunc(hello)), corev1.ServicePort{Name: "https", Port: 443, TargetPort: intstr.FromInt32(8443)}, "https", "8443"},
	} {
		t.Run(name, func(t *testing.T) {
			defer test.gateway.Close()
			c := startCluster(t, test.gateway.Listener.Addr().String(), test.port)
			tunnel, err := Open(t.Context(), &rest.Config{Host: c.URL}, "khocr-system")
			if err != nil {
				t.Fatal(err)
			}
			defer tunnel.Close()
			if !strings.HasPrefix(tunnel.Address(), test.scheme+"://") {
				t.Errorf("address %s", tunnel.Address())
			}
			client := &http.Client{Transport: tunnel.Transport()}
			var group sync.WaitGroup
			for range 20 {
				group.Go(func() {
					if body, err := get(client, tunnel.Address()); err != nil || body != "hello /api/v1/health" {
						t.Errorf("%q, %v", body, err)
					}
				})
			}
			group.Wait()
			c.lock.Lock()
			defer c.lock.Unlock()
			for _, port := range c.ports {
				if port != test.number {
					t.Errorf("it went to port %s", port)
				}
			}
		})
	}
}

func TestATunnelLeadsElsewhereWhenItsPodGoes(t *testing.T) {
	gateway := httptest.NewServer(http.HandlerFunc(hello))
	defer gateway.Close()
	c := startCluster(t, gateway.Listener.Addr().String(), plainPort)
	tunnel, err := Open(t.Context(), &rest.Config{Host: c.URL}, "khocr-system")
	if err != nil {
		t.Fatal(err)
	}
	defer tunnel.Close()
	client := &http.Client{Transport: tunnel.Transport()}
	if _, err := get(client, tunnel.Address()); err != nil {
		t.Fatal(err)
	}
	c.ready("gateway-2")
	c.lose()
	client.CloseIdleConnections()
	if body, err := get(client, tunnel.Address()); err != nil || body != "hello /api/v1/health" {
		t.Errorf("%q, %v", body, err)
	}
}

func TestWhatIsWrongIsTold(t *testing.T) {
	t.Run("no pod is ready", func(t *testing.T) {
		c := startCluster(t, "", plainPort)
		c.pods = nil
		if _, err := Open(t.Context(), &rest.Config{Host: c.URL}, "khocr-system"); !errors.Is(err, ErrNoGateway) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("no such namespace", func(t *testing.T) {
		c := startCluster(t, "", plainPort)
		if _, err := Open(t.Context(), &rest.Config{Host: c.URL}, "other"); !errors.Is(err, ErrNoGateway) {
			t.Error("there was a gateway")
		}
	})
	t.Run("nothing listens in the pod", func(t *testing.T) {
		c := startCluster(t, "127.0.0.1:1", plainPort)
		tunnel, err := Open(t.Context(), &rest.Config{Host: c.URL}, "khocr-system")
		if err != nil {
			t.Fatal(err)
		}
		defer tunnel.Close()
		if body, err := get(&http.Client{Transport: tunnel.Transport()}, tunnel.Address()); err == nil {
			t.Errorf("got %q", body)
		}
	})
}
