package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/openplp/khocr/client"
	"github.com/openplp/khocr/internal/apikey"
	"github.com/openplp/khocr/internal/tunnel"
)

// Environment in which commands find the platform, and a document's password. A key on the command line would be seen by everybody
// on the machine: there is no flag for one.
const (
	envURL      = "KHOCR_URL"
	envKey      = "KHOCR_API_KEY"
	envPassword = "KHOCR_PASSWORD"
)

// connection says where the platform is and by which key it is used.
type connection struct {
	server, keyFile, keySecret     string
	kubeconfig, context, namespace string
}

// dialTimeout is how long a connection may take to come about.
const dialTimeout = 15 * time.Second

// connect makes a client of the platform: at an address, or as a plugin of kubectl through the cluster.
func (p *program) connect(ctx context.Context) (*client.Client, error) {
	key, err := p.key(ctx)
	if err != nil {
		return nil, err
	}
	address, transport, err := p.reach(ctx)
	if err != nil {
		return nil, err
	}
	return client.New(address, key, client.WithHTTPClient(&http.Client{Transport: transport}), client.WithRequestEditorFn(
		func(_ context.Context, r *http.Request) error {
			r.Header.Set("Accept-Language", p.language.String())
			r.Header.Set("User-Agent", "khocr/"+version)
			return nil
		}))
}

// reach finds the address of the platform, and how requests get there.
func (p *program) reach(ctx context.Context) (string, http.RoundTripper, error) {
	if p.plugin {
		config, err := p.cluster()
		if err != nil {
			return "", nil, err
		}
		t, err := tunnel.Open(ctx, config, p.connection.namespace)
		if errors.Is(err, tunnel.ErrNoGateway) {
			return "", nil, p.fault(exitUnreachable, sayNoGateway, p.connection.namespace)
		}
		if err != nil {
			return "", nil, p.fault(exitUnreachable, sayNoCluster, err)
		}
		return t.Address(), t.Transport(), nil
	}
	address := p.connection.server
	if address == "" {
		address = p.getenv(envURL)
	}
	if address == "" {
		return "", nil, p.fault(exitMisuse, sayNoServer)
	}
	parsed, err := url.Parse(address)
	if err != nil || parsed.Scheme != "http" && parsed.Scheme != "https" || parsed.Host == "" || parsed.User != nil {
		return "", nil, p.fault(exitMisuse, sayBadServer, address)
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.DialContext = (&net.Dialer{Timeout: dialTimeout}).DialContext
	transport.MaxIdleConnsPerHost = 100
	return address, transport, nil
}

// cluster is that of the kubeconfig.
func (p *program) cluster() (*rest.Config, error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = p.connection.kubeconfig
	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &clientcmd.ConfigOverrides{CurrentContext: p.connection.context}).ClientConfig()
	if err != nil {
		return nil, p.fault(exitUnreachable, sayNoCluster, err)
	}
	return config, nil
}

// maxKey is more than any key has, lest a wrong file is read into memory.
const maxKey = 4096

// key comes from a Secret or a file, if one is named, and else from the environment.
func (p *program) key(ctx context.Context) (string, error) {
	from, content := envKey, p.getenv(envKey)
	switch {
	case p.connection.keySecret != "":
		secret, err := p.secret(ctx)
		if err != nil {
			return "", err
		}
		from, content = "Secret "+p.connection.keySecret, secret
	case p.connection.keyFile != "":
		file := io.Reader(p.in)
		if p.connection.keyFile != "-" {
			opened, err := os.Open(p.connection.keyFile)
			if err != nil {
				return "", err
			}
			defer opened.Close()
			file = opened
		}
		text, err := io.ReadAll(io.LimitReader(file, maxKey))
		if err != nil {
			return "", fmt.Errorf("read the key: %w", err)
		}
		from, content = p.connection.keyFile, string(text)
	case content == "":
		return "", p.fault(exitKey, sayNoKey)
	}
	key := strings.TrimSpace(content)
	if !strings.HasPrefix(key, apikey.Prefix) || len(strings.Fields(key)) != 1 {
		return "", p.fault(exitKey, sayBadKey, from)
	}
	return key, nil
}

// secret reads the key from the cluster.
func (p *program) secret(ctx context.Context) (string, error) {
	name, entry, _ := strings.Cut(p.connection.keySecret, ":")
	namespace, name, both := strings.Cut(name, "/")
	if !both || namespace == "" || name == "" {
		return "", p.fault(exitMisuse, sayBadSecret)
	}
	config, err := p.cluster()
	if err != nil {
		return "", err
	}
	kube, err := kubernetes.NewForConfig(config)
	if err != nil {
		return "", p.fault(exitUnreachable, sayNoCluster, err)
	}
	secret, err := kube.CoreV1().Secrets(namespace).Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) || apierrors.IsForbidden(err) {
		return "", p.fault(exitKey, sayNoSecret, namespace+"/"+name, err)
	}
	if err != nil {
		return "", p.fault(exitUnreachable, sayNoCluster, err)
	}
	return p.entry(secret, namespace+"/"+name, entry)
}

// entry is that of a Secret which was named, or its only one.
func (p *program) entry(secret *corev1.Secret, path, entry string) (string, error) {
	if entry == "" {
		for name := range secret.Data {
			if len(secret.Data) > 1 {
				return "", p.fault(exitMisuse, sayWhichSecret, path, path, name)
			}
			entry = name
		}
	}
	value, there := secret.Data[entry]
	if !there {
		return "", p.fault(exitMisuse, sayNoEntry, path, entry)
	}
	return string(value), nil
}
