// Package tunnel reaches the gateway in a cluster through the API server, with the rights of a person's kubeconfig, as
// `kubectl port-forward` does; nothing listens on this machine. It reads the gateway's Service and pods and forwards to one of
// them, nothing else.
package tunnel

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/client-go/transport/spdy"
	"k8s.io/streaming/pkg/httpstream"
)

// service is the gateway's, as config/gateway names it. Its first port is the public one, called http or https.
const service = "khocr-gateway"

// ErrNoGateway says that no pod of the gateway is ready.
var ErrNoGateway = errors.New("no gateway is ready")

// Tunnel leads to a gateway. When its pod goes, the next connection is made to another.
type Tunnel struct {
	config    *rest.Config
	client    kubernetes.Interface
	namespace string
	scheme    string

	lock    sync.Mutex
	to      httpstream.Connection
	port    string
	request int
}

// Open finds the gateway in the namespace that the platform runs in.
func Open(ctx context.Context, config *rest.Config, namespace string) (*Tunnel, error) {
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("make a client of the cluster: %w", err)
	}
	t := &Tunnel{config: config, client: client, namespace: namespace, scheme: "http"}
	found, err := t.service(ctx)
	if err != nil {
		return nil, err
	}
	if found.Spec.Ports[0].Name == "https" {
		t.scheme = "https"
	}
	t.lock.Lock()
	defer t.lock.Unlock()
	return t, t.connect(ctx)
}

func (t *Tunnel) service(ctx context.Context) (*corev1.Service, error) {
	found, err := t.client.CoreV1().Services(t.namespace).Get(ctx, service, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, fmt.Errorf("there is no service %s: %w", service, ErrNoGateway)
	}
	if err != nil {
		return nil, fmt.Errorf("find the gateway's service: %w", err)
	}
	if len(found.Spec.Ports) == 0 {
		return nil, fmt.Errorf("service %s has no port: %w", service, ErrNoGateway)
	}
	return found, nil
}

// Address of the gateway, for clients that dial through the tunnel. Its host says where it leads and is never looked up.
func (t *Tunnel) Address() string {
	return t.scheme + "://" + service + "." + t.namespace + ".svc"
}

// Transport sends requests through the tunnel. The gateway's certificate is for the name that the world calls it by, which is
// not known here, and is not verified: the API server, which the kubeconfig vouches for, leads to the pod, with TLS or without.
func (t *Tunnel) Transport() *http.Transport {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.Proxy = nil
	transport.DialContext = t.dial
	transport.TLSClientConfig = &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12}
	transport.MaxIdleConnsPerHost = 100
	return transport
}

// Close ends all connections.
func (t *Tunnel) Close() error {
	t.lock.Lock()
	defer t.lock.Unlock()
	if t.to == nil {
		return nil
	}
	return t.to.Close()
}

// dial makes a connection to the gateway.
func (t *Tunnel) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	t.lock.Lock()
	defer t.lock.Unlock()
	if t.to != nil {
		if connection, err := t.forward(ctx); err == nil {
			return connection, nil
		}
		_ = t.to.Close()
		t.to = nil
	}
	if err := t.connect(ctx); err != nil {
		return nil, err
	}
	return t.forward(ctx)
}

// connect leads the tunnel to a pod that is ready.
func (t *Tunnel) connect(ctx context.Context) error {
	found, err := t.service(ctx)
	if err != nil {
		return err
	}
	pods, err := t.client.CoreV1().Pods(t.namespace).List(ctx, metav1.ListOptions{LabelSelector: labels.SelectorFromSet(found.Spec.Selector).String()})
	if err != nil {
		return fmt.Errorf("list the gateway's pods: %w", err)
	}
	pod := readyPod(pods.Items)
	if pod == nil {
		return ErrNoGateway
	}
	port, err := portOf(pod, found.Spec.Ports[0])
	if err != nil {
		return err
	}
	dialer, err := t.dialer(pod.Name)
	if err != nil {
		return fmt.Errorf("prepare the port-forward: %w", err)
	}
	to, _, err := dialer.Dial(portforward.PortForwardProtocolV1Name)
	if err != nil {
		return fmt.Errorf("forward to pod %s: %w", pod.Name, err)
	}
	t.to, t.port = to, strconv.Itoa(int(port))
	return nil
}

// readyPod picks a pod that takes requests, nil if none does.
func readyPod(pods []corev1.Pod) *corev1.Pod {
	for i := range pods {
		if pods[i].DeletionTimestamp != nil {
			continue
		}
		for _, condition := range pods[i].Status.Conditions {
			if condition.Type == corev1.PodReady && condition.Status == corev1.ConditionTrue {
				return &pods[i]
			}
		}
	}
	return nil
}

// portOf is the number of the port of a pod that a service's port leads to.
func portOf(pod *corev1.Pod, port corev1.ServicePort) (int32, error) {
	if port.TargetPort.StrVal == "" {
		return max(port.TargetPort.IntVal, 0), nil
	}
	for _, container := range pod.Spec.Containers {
		for _, named := range container.Ports {
			if named.Name == port.TargetPort.StrVal {
				return named.ContainerPort, nil
			}
		}
	}
	return 0, fmt.Errorf("pod %s has no port %s", pod.Name, port.TargetPort.StrVal)
}

// dialer speaks WebSocket to the API server, and SPDY to one, or a proxy, that does not take it.
func (t *Tunnel) dialer(pod string) (httpstream.Dialer, error) {
	address := t.client.CoreV1().RESTClient().Post().Resource("pods").Namespace(t.namespace).Name(pod).SubResource("portforward").URL()
	transport, upgrader, err := spdy.RoundTripperFor(t.config)
	if err != nil {
		return nil, err
	}
	old := spdy.NewDialerForStreaming(upgrader, &http.Client{Transport: transport}, http.MethodPost, address)
	websocket, err := portforward.NewSPDYOverWebsocketDialerForStreaming(address, t.config)
	if err != nil {
		return nil, err
	}
	return portforward.NewFallbackDialerForStreaming(websocket, old, func(err error) bool {
		return httpstream.IsUpgradeFailure(err) || httpstream.IsHTTPSProxyError(err)
	}), nil
}

// forward opens a connection over the tunnel: a stream for what is wrong, and one for what is sent.
func (t *Tunnel) forward(ctx context.Context) (net.Conn, error) {
	t.request++
	headers := http.Header{}
	headers.Set(corev1.PortHeader, t.port)
	headers.Set(corev1.PortForwardRequestIDHeader, strconv.Itoa(t.request))
	headers.Set(corev1.StreamType, corev1.StreamTypeError)
	wrong, err := t.stream(ctx, headers)
	if err != nil {
		return nil, err
	}
	_ = wrong.Close() // for writing
	headers.Set(corev1.StreamType, corev1.StreamTypeData)
	data, err := t.stream(ctx, headers)
	if err != nil {
		t.to.RemoveStreams(wrong)
		return nil, err
	}
	c := &connection{Stream: data, over: t.to, wrong: wrong}
	go c.heed()
	return c, nil
}

var errLost = errors.New("the connection to the pod is lost")

// stream opens one. By itself it would wait for half a minute on a connection that is gone.
func (t *Tunnel) stream(ctx context.Context, headers http.Header) (httpstream.Stream, error) {
	type outcome struct {
		stream httpstream.Stream
		err    error
	}
	opened := make(chan outcome, 1)
	to, headers := t.to, headers.Clone()
	go func() {
		stream, err := to.CreateStream(headers)
		opened <- outcome{stream, err}
	}()
	select {
	case o := <-opened:
		if o.err != nil {
			return nil, fmt.Errorf("open a stream: %w", o.err)
		}
		return o.stream, nil
	case <-to.CloseChan():
		return nil, errLost
	case <-ctx.Done():
		go func() {
			if late := <-opened; late.err == nil {
				_ = late.stream.Reset()
				to.RemoveStreams(late.stream)
			}
		}()
		return nil, context.Cause(ctx)
	}
}

// connection is one over the tunnel.
type connection struct {
	httpstream.Stream
	over  httpstream.Connection
	wrong httpstream.Stream
	once  sync.Once
}

// heed ends the connection when the other side says that something is wrong with it.
func (c *connection) heed() {
	if message, err := io.ReadAll(c.wrong); err != nil || len(message) > 0 {
		_ = c.Close()
	}
}

// Close implements net.Conn.
func (c *connection) Close() error {
	err := net.ErrClosed
	c.once.Do(func() {
		err = c.Stream.Reset()
		c.over.RemoveStreams(c.Stream, c.wrong)
	})
	return err
}

// address is that of either end, which has none.
type address struct{}

func (address) Network() string { return "tunnel" }
func (address) String() string  { return service }

// LocalAddr implements net.Conn.
func (c *connection) LocalAddr() net.Addr { return address{} }

// RemoteAddr implements net.Conn.
func (c *connection) RemoteAddr() net.Addr { return address{} }

// SetDeadline does nothing, like those for reading and writing: whoever waits too long closes the connection.
func (c *connection) SetDeadline(time.Time) error { return nil }

// SetReadDeadline implements net.Conn.
func (c *connection) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline implements net.Conn.
func (c *connection) SetWriteDeadline(time.Time) error { return nil }
