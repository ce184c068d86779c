package cluster

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"

	"github.com/openplp/khocr/hack/localcluster/internal/pki"
)

// client makes an HTTP client that shows the administrator's certificate. The
// few requests that are made here do not warrant a Kubernetes client library.
func (c *Cluster) client(dial func(context.Context, string, string) (net.Conn, error)) (*http.Client, error) {
	folder := pki.Folder(c.state.pki())
	authority, err := os.ReadFile(folder.Certificate(pki.CA))
	if err != nil {
		return nil, fmt.Errorf("reading the cluster's authority: %w", err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(authority)
	pair, err := tls.LoadX509KeyPair(folder.Certificate(adminClient), folder.Key(adminClient))
	if err != nil {
		return nil, fmt.Errorf("reading the administrator's certificate: %w", err)
	}
	return &http.Client{Transport: &http.Transport{
		DialContext:       dial,
		DisableKeepAlives: true, // what answers may be another process the next time
		TLSClientConfig:   &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{pair}},
	}}, nil
}

// healthy returns a check of an address inside the cluster's network.
func (c *Cluster) healthy(url string) func(context.Context) error {
	return func(ctx context.Context) error {
		client, err := c.client(c.namespaces.Dial)
		if err != nil {
			return err
		}
		_, err = request(ctx, client, http.MethodGet, url, nil, nil)
		return err
	}
}

// api makes a request of the API server the way that users reach it. It returns
// the status, with an error for one that is not of success.
func (c *Cluster) api(ctx context.Context, method, path string, body, into any) (status int, err error) {
	client, err := c.client(new(net.Dialer).DialContext)
	if err != nil {
		return 0, err
	}
	return request(ctx, client, method, "https://"+c.settings.API.Address+path, body, into)
}

func request(ctx context.Context, client *http.Client, method, url string, body, into any) (int, error) {
	var content []byte
	if body != nil {
		var err error
		if content, err = json.Marshal(body); err != nil {
			return 0, fmt.Errorf("writing a request to %s: %w", url, err)
		}
	}
	r, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(content))
	if err != nil {
		return 0, err
	}
	r.Header.Set("Content-Type", "application/json")
	response, err := client.Do(r)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return response.StatusCode, fmt.Errorf("reading the answer of %s: %w", url, err)
	}
	if response.StatusCode >= 300 {
		return response.StatusCode, fmt.Errorf("%s %s: %s: %s", method, url, response.Status, answer)
	}
	if into == nil {
		return response.StatusCode, nil
	}
	if err := json.Unmarshal(answer, into); err != nil {
		return response.StatusCode, fmt.Errorf("reading the answer of %s: %w", url, err)
	}
	return response.StatusCode, nil
}
