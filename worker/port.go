package worker

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/internal/document"
	"github.com/openplp/khocr/internal/workerport"
)

const (
	// requestTimeout bounds one try of a request that moves little.
	requestTimeout = 30 * time.Second
	// documentStall is how long a document may stand still on its way. It is long because the gateway may have to fetch
	// the document from its source before it can send the first byte.
	documentStall = 5 * time.Minute
	// maxTicket bounds the ticket's JSON in bytes. One with 100,000 stored pages takes 5 MB.
	maxTicket = 16 << 20
)

// port is the client of the gateway's internal port. All of its calls are tried again for retryLimit where another try
// may succeed.
type port struct {
	url       string
	tokenFile string
	client    *http.Client
	// storeInReach tells that the gateway may send to the store for the document.
	storeInReach bool
	log          *slog.Logger
}

// newPort trusts nobody but the authorities of the configuration, and follows no redirection: the token is for the
// gateway only.
func newPort(config Config, log *slog.Logger) (*port, error) {
	authorities := x509.NewCertPool()
	if !authorities.AppendCertsFromPEM([]byte(config.GatewayCA)) {
		return nil, fmt.Errorf("%s holds no certificate", workerport.EnvGatewayCA)
	}
	return &port{
		url:          strings.TrimSuffix(config.GatewayURL, "/"),
		tokenFile:    config.GatewayTokenFile,
		storeInReach: config.StoreInReach, log: log,
		client: &http.Client{
			Transport: &http.Transport{
				DialContext:         (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
				TLSHandshakeTimeout: 5 * time.Second,
				TLSClientConfig: &tls.Config{
					RootCAs:    authorities,
					ServerName: config.GatewayName,
					MinVersion: tls.VersionTLS13,
				},
				MaxIdleConnsPerHost: config.CPULimit,
				IdleConnTimeout:     time.Minute,
			},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

// answerError is an answer of the internal port that is no success.
type answerError struct {
	status  int
	refusal workerport.Refusal
	// after is the time that the port asks to wait for before another try; 0 where it says nothing.
	after time.Duration
}

func (e *answerError) Error() string {
	return fmt.Sprintf("status %d: %s: %s", e.status, e.refusal.Reason, e.refusal.Message)
}

// retriable tells whether the same request may succeed later. A document's source that is out of reach may be so for
// long: the worker does not keep its pod for it, the manager makes another one later.
func (e *answerError) retriable() bool {
	if e.refusal.Reason == v1alpha1.ReasonSourceUnavailable {
		return false
	}
	switch e.status {
	case http.StatusUnauthorized, http.StatusRequestTimeout, http.StatusTooManyRequests:
		return true
	}
	return e.status >= 500
}

// hasStatus tells whether err is an answer with one of the statuses.
func hasStatus(err error, statuses ...int) bool {
	var answer *answerError
	if errors.As(err, &answer) {
		for _, status := range statuses {
			if answer.status == status {
				return true
			}
		}
	}
	return false
}

// ticket asks what there is to do.
func (p *port) ticket(ctx context.Context) (*workerport.Ticket, error) {
	ticket := new(workerport.Ticket)
	if err := p.read(ctx, workerport.PathTicket, ticket); err != nil {
		return nil, fmt.Errorf("get ticket: %w", err)
	}
	return ticket, nil
}

// read decodes a short answer in JSON.
func (p *port) read(ctx context.Context, path string, into any) error {
	return retry(ctx, func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, requestTimeout)
		defer cancel()
		response, err := p.send(ctx, http.MethodGet, path, nothing)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		content, err := io.ReadAll(io.LimitReader(response.Body, maxTicket))
		if err != nil {
			return retriableError{err}
		}
		return json.Unmarshal(content, into)
	})
}

// numbers lists the pages of all parts that are stored.
func (p *port) numbers(ctx context.Context) ([]int, error) {
	var numbers []int
	if err := p.read(ctx, workerport.PathPages, &numbers); err != nil {
		return nil, fmt.Errorf("list the stored pages: %w", err)
	}
	return numbers, nil
}

// stored streams the result of a page that another attempt or part stored into a file.
func (p *port) stored(ctx context.Context, page int, path string) error {
	if err := p.download(ctx, workerport.PagePath(page), path); err != nil {
		return fmt.Errorf("get page %d: %w", page, err)
	}
	return nil
}

// download streams what is at a path of the port, or of the store where the port sends there, into a file.
func (p *port) download(ctx context.Context, from, path string) error {
	return retry(ctx, func(ctx context.Context) error {
		ctx, moves, stop := whileMoving(ctx)
		defer stop()
		response, err := p.send(ctx, http.MethodGet, from, nothing)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		if response.StatusCode != http.StatusTemporaryRedirect {
			return writeFile(path, moves(response.Body))
		}
		if err := follow(ctx, response, path, moves); err != nil {
			return fmt.Errorf("%w: %s", errFromStore, err.Error()) // not to be tried again, whatever it is
		}
		return nil
	})
}

// whileMoving gives a context that ends when what is read through moves stands still for documentStall.
func whileMoving(parent context.Context) (ctx context.Context, moves func(io.Reader) io.Reader, stop func()) {
	ctx, cancel := context.WithCancel(parent)
	stalled := time.AfterFunc(documentStall, cancel)
	moves = func(body io.Reader) io.Reader {
		return readerFunc(func(buffer []byte) (int, error) {
			stalled.Reset(documentStall)
			return body.Read(buffer)
		})
	}
	return ctx, moves, func() { stalled.Stop(); cancel() }
}

// searchable keeps a part of the searchable PDF that lies in a file.
func (p *port) searchable(ctx context.Context, part, path string) error {
	err := retry(ctx, func(ctx context.Context) error {
		ctx, moves, stop := whileMoving(ctx)
		defer stop()
		file, err := openMade(path)
		if err != nil {
			return err
		}
		defer file.Close()
		info, err := file.Stat()
		if err != nil {
			return err
		}
		return p.put(ctx, workerport.SearchablePath(part), body{moves(file), info.Size(), "application/pdf"})
	})
	if err != nil {
		return fmt.Errorf("store the searchable PDF: %w", err)
	}
	return nil
}

// openMade opens a file that a child has made. One that was taken over may leave a link to what only the worker can read, such
// as its token, or a pipe that nobody writes to.
func openMade(path string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = &fs.PathError{Op: "open", Path: path, Err: errors.New("not a regular file")}
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

// put makes one try of storing something.
func (p *port) put(ctx context.Context, path string, content body) error {
	response, err := p.send(ctx, http.MethodPut, path, content)
	if err != nil {
		return err
	}
	// Read to the end so that the connection serves the next request.
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, 64<<10))
	return response.Body.Close()
}

// store keeps a finished page.
func (p *port) store(ctx context.Context, page *document.Page) error {
	content, err := json.Marshal(page)
	if err != nil {
		return fmt.Errorf("encode page %d: %w", page.Number, err)
	}
	err = retry(ctx, func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, requestTimeout)
		defer cancel()
		return p.put(ctx, workerport.PagePath(page.Number), body{bytes.NewReader(content), int64(len(content)), "application/json"})
	})
	if err != nil {
		return fmt.Errorf("store page %d: %w", page.Number, err)
	}
	return nil
}

// preview keeps the small image of a page.
func (p *port) preview(ctx context.Context, page int, content []byte) error {
	err := retry(ctx, func(ctx context.Context) error {
		return p.put(ctx, workerport.PreviewPath(page), body{bytes.NewReader(content), int64(len(content)), "image/jpeg"})
	})
	if err != nil {
		return fmt.Errorf("store the preview of page %d: %w", page, err)
	}
	return nil
}

// body is what goes with a request; nothing where it has no type.
type body struct {
	content   io.Reader
	size      int64
	mediaType string
}

var nothing = body{}

// send makes one try of a request. An answer that is no success, and does not send to the store as it was asked
// to, comes back as an answerError. The caller closes the body.
func (p *port) send(ctx context.Context, method, path string, content body) (*http.Response, error) {
	// Read each time: the kubelet renews the token in place.
	token, err := os.ReadFile(p.tokenFile)
	if err != nil {
		return nil, retriableError{fmt.Errorf("read token: %w", err)}
	}
	request, err := http.NewRequestWithContext(ctx, method, p.url+path, http.NoBody)
	if err != nil {
		return nil, fmt.Errorf("make request: %w", err)
	}
	if content.size > 0 {
		// The client closes what can be closed, which belongs to the caller.
		request.Body, request.ContentLength = io.NopCloser(content.content), content.size
	}
	request.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
	if content.mediaType != "" {
		request.Header.Set("Content-Type", content.mediaType)
	}
	response, err := p.client.Do(request)
	if err != nil {
		return nil, retriableError{err}
	}
	sent := response.StatusCode == http.StatusTemporaryRedirect && path == workerport.PathDocumentDirect
	if sent || response.StatusCode >= 200 && response.StatusCode < 300 {
		return response, nil
	}
	defer response.Body.Close()
	answer := &answerError{status: response.StatusCode, after: retryAfter(response.Header)}
	// The status alone decides; a body that is no refusal only tells the log less.
	told, _ := io.ReadAll(io.LimitReader(response.Body, 64<<10))
	_ = json.Unmarshal(told, &answer.refusal)
	if answer.retriable() {
		return nil, retriableError{answer}
	}
	return nil, answer
}

// retryAfter reads the seconds that an answer asks to wait for. Nobody asks for a date.
func retryAfter(header http.Header) time.Duration {
	seconds, err := strconv.ParseUint(header.Get("Retry-After"), 10, 16)
	if err != nil {
		return 0
	}
	return time.Duration(seconds) * time.Second
}

// writeFile copies content to a file. What goes wrong with the content may be tried again, what goes wrong with the file
// may not.
func writeFile(path string, content io.Reader) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(file, content)
	err = errors.Join(err, file.Close())
	var fileError *fs.PathError
	if err == nil || errors.As(err, &fileError) {
		return err
	}
	return retriableError{err}
}

// readerFunc is a function as a reader.
type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(buffer []byte) (int, error) { return f(buffer) }
