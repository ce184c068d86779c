package ocrjob

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// CABundle gives the PEM certificates that the internal port's is signed by.
type CABundle func(ctx context.Context) (string, error)

// ServiceLocator finds the internal port through its Service: workers get its ClusterIP, so they need neither DNS nor the
// right to ask for anything.
type ServiceLocator struct {
	Reader  client.Reader
	Service types.NamespacedName
	CA      CABundle
}

// Endpoint implements GatewayLocator. The port is the Service's first one.
func (l ServiceLocator) Endpoint(ctx context.Context) (Endpoint, error) {
	service := &corev1.Service{}
	if err := l.Reader.Get(ctx, l.Service, service); err != nil {
		return Endpoint{}, fmt.Errorf("reading Service %s: %w", l.Service, err)
	}
	if service.Spec.ClusterIP == "" || service.Spec.ClusterIP == corev1.ClusterIPNone || len(service.Spec.Ports) == 0 {
		return Endpoint{}, fmt.Errorf("the Service %s has no ClusterIP or no port", l.Service)
	}
	bundle, err := l.CA(ctx)
	if err != nil {
		return Endpoint{}, fmt.Errorf("reading the certificates of the internal port: %w", err)
	}
	if bundle == "" {
		return Endpoint{}, errors.New("the internal port has no certificate yet")
	}
	port := strconv.Itoa(int(service.Spec.Ports[0].Port))
	return Endpoint{
		URL:        "https://" + net.JoinHostPort(service.Spec.ClusterIP, port),
		ServerName: l.Service.Name + "." + l.Service.Namespace + ".svc",
		CA:         bundle,
	}, nil
}
