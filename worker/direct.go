package worker

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/openplp/khocr/internal/workerport"
)

const (
	// storeDial bounds the connection to one address of the store: a policy that forbids it lets packets vanish.
	storeDial = 5 * time.Second
	// maxDirect bounds the answer that sends to the store, with its certificates.
	maxDirect = 1 << 20
)

// errFromStore means that the document did not come from the store that the gateway sends to.
var errFromStore = errors.New("get it from the store")

// document gets the document into a file: from the store itself, where the gateway sends there, or else through the gateway.
// The store is asked once. What hinders that may be of the network or of the clocks, and would not pass.
func (p *port) document(ctx context.Context, path string) error {
	from := workerport.PathDocument
	if p.storeInReach {
		from = workerport.PathDocumentDirect
	}
	err := p.download(ctx, from, path)
	if errors.Is(err, errFromStore) && ctx.Err() == nil {
		p.log.Warn("The document comes through the gateway", "err", err)
		// However long the store took, the gateway has the time of any other request.
		err = p.download(ctx, workerport.PathDocument, path)
	}
	if err != nil {
		return fmt.Errorf("get document: %w", err)
	}
	return nil
}

// follow gets the document that an answer of the gateway sends to. Its errors do not hold the URL, which is a secret; nor what
// the store answers, which may repeat it.
func follow(ctx context.Context, answer *http.Response, path string, moves func(io.Reader) io.Reader) error {
	var direct workerport.Direct
	if err := json.NewDecoder(io.LimitReader(answer.Body, maxDirect)).Decode(&direct); err != nil {
		return fmt.Errorf("read how it is reached: %w", err)
	}
	location, err := answer.Location()
	if err != nil || location.Scheme != "https" {
		return errors.New("the gateway sends nowhere over TLS")
	}
	client, err := storeClient(direct)
	if err != nil {
		return err
	}
	defer client.CloseIdleConnections()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, location.String(), http.NoBody)
	if err != nil {
		return errors.New("the gateway sends to what is no URL")
	}
	response, err := client.Do(request)
	if err != nil {
		return withoutURL(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("the store answers with status %d", response.StatusCode)
	}
	return writeFile(path, moves(response.Body))
}

// storeClient goes to the addresses that the gateway has told and to no other, and believes a certificate for the URL's
// host that the authorities have signed.
func storeClient(direct workerport.Direct) (*http.Client, error) {
	var authorities *x509.CertPool // those of the image
	if direct.Authorities != "" {
		authorities = x509.NewCertPool()
		if !authorities.AppendCertsFromPEM([]byte(direct.Authorities)) {
			return nil, errors.New("the store's authorities are no certificates")
		}
	}
	return &http.Client{
		Transport: &http.Transport{
			DialContext:           dialAny(direct.Addresses),
			TLSHandshakeTimeout:   storeDial,
			ResponseHeaderTimeout: requestTimeout,
			TLSClientConfig:       &tls.Config{RootCAs: authorities, MinVersion: tls.VersionTLS12},
			// The document as it is stored.
			DisableCompression: true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}, nil
}

// dialAny connects to the first address that answers, whatever host is asked for.
func dialAny(addresses []string) func(context.Context, string, string) (net.Conn, error) {
	dialer := &net.Dialer{Timeout: storeDial}
	return func(ctx context.Context, network, _ string) (net.Conn, error) {
		failed := errors.New("no address of the store answers")
		for _, address := range addresses {
			connection, err := dialer.DialContext(ctx, network, address)
			if err == nil {
				return connection, nil
			}
			failed = errors.Join(failed, err)
		}
		return nil, failed
	}
}

// withoutURL is why a request has failed, without what was asked for.
func withoutURL(err error) error {
	var failed *url.Error
	if errors.As(err, &failed) {
		return failed.Err
	}
	return err
}
