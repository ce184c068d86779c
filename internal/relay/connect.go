package relay

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"syscall"
	"time"

	"github.com/openplp/khocr/internal/document"
	"github.com/openplp/khocr/internal/netguard"
)

const (
	dialTime       = 10 * time.Second
	connectionTime = 90 * time.Second
	maxHeaderBytes = 64 << 10
)

// httpClient connects to endpoints of one location.
func (o Options) httpClient(inCluster bool) *http.Client {
	guard := netguard.Endpoint{InCluster: inCluster, Allowed: o.Allowed, APIServers: o.APIServers}
	dialer := &net.Dialer{Timeout: dialTime, ControlContext: guard.Control}
	return &http.Client{
		// Where it leads to, the key would go too.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			// No proxy: it would be connected to in place of the address that the guard has to see.
			DialContext:            dialer.DialContext,
			TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: o.Roots},
			TLSHandshakeTimeout:    dialTime,
			IdleConnTimeout:        connectionTime,
			MaxIdleConnsPerHost:    64,
			MaxResponseHeaderBytes: maxHeaderBytes,
			// What is packed could be far larger than what comes.
			DisableCompression: true,
		},
	}
}

// unconnected is the trouble of a request that had no answer. Its detail has no address, and no word of the endpoint's.
func unconnected(ctx context.Context, err error) *trouble {
	switch {
	case ctx.Err() != nil:
		return interrupted(context.Cause(ctx))
	case errors.Is(err, netguard.ErrRefused):
		return &trouble{reason: document.AIAddressRefused, detail: "the base URL leads to an address where no endpoint may be"}
	}
	return &trouble{reason: document.AIUnreachable, detail: "no connection: " + cause(err), again: true}
}

// interrupted is the trouble of a request that we gave up ourselves, nil for others.
func interrupted(err error) *trouble {
	switch {
	case errors.Is(err, errSilent):
		return &trouble{reason: document.AITimeout, detail: "the endpoint fell silent in the middle of its answer", again: true}
	case errors.Is(err, context.DeadlineExceeded):
		return &trouble{reason: document.AITimeout, detail: "the time for the question is over"}
	case errors.Is(err, context.Canceled):
		return &trouble{reason: document.AITimeout, detail: "the caller has gone"}
	}
	return nil
}

// cause says in our words why there is no connection.
func cause(err error) string {
	var name *net.DNSError
	var verification *tls.CertificateVerificationError
	var authority x509.UnknownAuthorityError
	var host x509.HostnameError
	var timeout net.Error
	switch {
	case errors.As(err, &name):
		return "its name has no address"
	case errors.As(err, &authority):
		return "its certificate is signed by an unknown authority"
	case errors.As(err, &host):
		return "its certificate is for another name"
	case errors.As(err, &verification):
		return "its certificate is not valid"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "it is refused"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "it was closed"
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return "there is no way"
	case errors.As(err, &timeout) && timeout.Timeout():
		return "it takes too long"
	}
	return "it failed"
}

var errSilent = errors.New("the endpoint is silent")

// silence ends a request whose answer has begun and does not go on.
type silence struct {
	cancel context.CancelCauseFunc
	long   time.Duration
	timer  *time.Timer
	body   io.Reader
	ctx    context.Context
}

// watchSilence makes the context of a request whose answer may be silent for so long. It must be ended.
func watchSilence(ctx context.Context, long time.Duration) (context.Context, *silence) {
	ctx, cancel := context.WithCancelCause(ctx)
	return ctx, &silence{ctx: ctx, cancel: cancel, long: long}
}

// listen watches from the first piece of the answer on. Until then the model thinks, or has others to answer first, for as long as a
// question may take: some endpoints send the header before that.
func (s *silence) listen(body io.Reader) io.Reader {
	s.body = body
	return s
}

// Read implements io.Reader.
func (s *silence) Read(buffer []byte) (int, error) {
	n, err := s.body.Read(buffer)
	if s.timer == nil {
		s.timer = time.AfterFunc(s.long, func() { s.cancel(errSilent) })
	}
	s.timer.Reset(s.long)
	if err != nil && err != io.EOF && s.ctx.Err() != nil {
		// Why it was ended says more than that it was.
		err = context.Cause(s.ctx)
	}
	return n, err
}

func (s *silence) end() {
	if s.timer != nil {
		s.timer.Stop()
	}
	s.cancel(nil)
}
