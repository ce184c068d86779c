// Package fetch gets documents from addresses that tenants name. Those may be hostile: nothing inside the cluster or the
// machine is reached through it, nothing is read without bounds, and no part of an address gets into an error, because a
// query may hold the tenant's own secrets.
package fetch

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/internal/mediatype"
	"github.com/openplp/khocr/internal/netguard"
)

const (
	// totalTime bounds a whole fetch.
	totalTime    = 5 * time.Minute
	dialTime     = 10 * time.Second
	headerTime   = 30 * time.Second
	maxRedirects = 5
)

// Error says why a document was not fetched.
type Error struct {
	// Reason is one of the Reason constants of an OcrJob's failure.
	Reason string
	// Final: trying again will not help.
	Final bool
	// Message is for people, and holds nothing of the address.
	Message string
}

func (e *Error) Error() string { return e.Reason + ": " + e.Message }

// Fetcher gets documents over HTTP.
type Fetcher struct {
	client *http.Client
}

// New makes a Fetcher that connects to public addresses only, and to the ranges allowed.
func New(allowed []netip.Prefix) *Fetcher {
	return &Fetcher{client: &http.Client{
		Transport: Transport(allowed),
		CheckRedirect: func(next *http.Request, via []*http.Request) error {
			if len(via) > maxRedirects {
				return fmt.Errorf("%w: more than %d redirects", netguard.ErrRefused, maxRedirects)
			}
			return checkScheme(next.URL)
		},
	}}
}

// Transport connects to public addresses only, and to the ranges allowed. Errors for another address are netguard.ErrRefused.
func Transport(allowed []netip.Prefix) *http.Transport {
	dialer := &net.Dialer{Timeout: dialTime, Control: netguard.Guard{Allowed: allowed}.Control}
	return &http.Transport{
		// No proxy: it would be connected to in place of the address that the guard has to see.
		DialContext:            dialer.DialContext,
		TLSHandshakeTimeout:    dialTime,
		ResponseHeaderTimeout:  headerTime,
		MaxResponseHeaderBytes: 64 << 10,
		// The document is kept as it was sent, and a small answer must not unfold to a large one.
		DisableCompression: true,
		DisableKeepAlives:  true,
	}
}

// Fetch gets the document at an address and hands it to deliver, which reads it to the end. A document of more than limit
// bytes, or of a type that the platform does not take, fails, while deliver reads or before. Failures of the fetching are
// an *Error; those of deliver come back as they are.
func (f *Fetcher) Fetch(ctx context.Context, address string, limit int64, deliver func(io.Reader) error) error {
	ctx, cancel := context.WithTimeout(ctx, totalTime)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil || checkScheme(request.URL) != nil {
		return &Error{v1alpha1.ReasonSourceRefused, true, "the address is neither http nor https"}
	}
	request.Header.Set("User-Agent", "khocr")
	request.Header.Set("Accept", "application/pdf, image/png, image/jpeg, image/tiff, */*;q=0.1")
	response, err := f.client.Do(request)
	if err != nil {
		return transportError(err)
	}
	defer response.Body.Close()
	if err := checkAnswer(response, limit); err != nil {
		return err
	}
	body := bufio.NewReaderSize(&document{reader: response.Body, left: limit, limit: limit}, mediatype.HeadBytes)
	head, err := body.Peek(mediatype.HeadBytes)
	if err != nil && err != io.EOF {
		return err
	}
	if mediatype.Detect(head) == "" {
		return &Error{v1alpha1.ReasonUnsupportedDocument, true, "the document is neither PDF nor PNG, JPEG or TIFF"}
	}
	return deliver(body)
}

func checkScheme(address *url.URL) error {
	if address.Scheme != "http" && address.Scheme != "https" {
		return fmt.Errorf("%w: neither http nor https", netguard.ErrRefused)
	}
	return nil
}

// transportError is about a request that got no answer. Its own text would repeat the address.
func transportError(err error) *Error {
	if errors.Is(err, netguard.ErrRefused) {
		return &Error{v1alpha1.ReasonSourceRefused, true, "the address, or one that it redirects to, is not allowed"}
	}
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return &Error{v1alpha1.ReasonSourceUnavailable, false, "the source did not answer in time"}
	}
	return &Error{v1alpha1.ReasonSourceUnavailable, false, "the source could not be reached"}
}

// checkAnswer decides by status and length whether there is a document to read. What a source says of a request is final,
// unless it says to come again.
func checkAnswer(response *http.Response, limit int64) error {
	status := response.StatusCode
	switch {
	case status == http.StatusOK:
	case status == http.StatusRequestTimeout, status == http.StatusTooEarly, status == http.StatusTooManyRequests, status >= 500:
		return &Error{v1alpha1.ReasonSourceUnavailable, false, fmt.Sprintf("the source answered %d", status)}
	default:
		return &Error{v1alpha1.ReasonSourceUnavailable, true, fmt.Sprintf("the source answered %d", status)}
	}
	if response.ContentLength > limit {
		return tooLarge(limit)
	}
	return nil
}

func tooLarge(limit int64) *Error {
	return &Error{v1alpha1.ReasonSourceTooLarge, true, fmt.Sprintf("the document is larger than %d bytes", limit)}
}

// document turns the failures of a body into Errors, and bounds it.
type document struct {
	reader io.Reader
	left   int64
	limit  int64
}

func (d *document) Read(p []byte) (int, error) {
	n, err := d.reader.Read(p)
	if int64(n) > d.left {
		return 0, tooLarge(d.limit)
	}
	d.left -= int64(n)
	if err != nil && err != io.EOF {
		return n, &Error{v1alpha1.ReasonSourceUnavailable, false, "the source broke off"}
	}
	return n, err
}
