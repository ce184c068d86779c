// Package relay asks the platform's relay about images, by the contract of package relayport. It knows no endpoint and holds no key
// of one.
package relay

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/internal/document"
	"github.com/openplp/khocr/internal/relayport"
)

const (
	connectTime = 5 * time.Second
	idleTime    = time.Minute
	// idleConnections are kept for the questions to come.
	idleConnections = 64
	// maxAnswer bounds the JSON of an answer in bytes, in which each byte of a text may take six.
	maxAnswer = 6*relayport.MaxAnswerBytes + 4<<10
	maxToken  = 64 << 10
	// longestQuestion is more than the longest wait for a turn and the longest answer of a model take.
	longestQuestion = 20 * time.Minute
)

// Client asks one relay. Its methods may be called from many goroutines.
type Client struct {
	base      string
	tokenFile string
	http      *http.Client
}

// New makes a client of the relay at an https address, whose certificate is for serverName and signed by an authority in authorityFile.
// That and tokenFile, with the gateway's token, are read when they are needed: both are renewed in place.
func New(address, serverName, tokenFile, authorityFile string) (*Client, error) {
	base, err := url.Parse(address)
	if err != nil {
		return nil, fmt.Errorf("parse the relay's address: %w", err)
	}
	if base.Scheme != "https" || base.Host == "" || strings.Trim(base.Path, "/") != "" || base.RawQuery != "" || base.User != nil {
		return nil, errors.New("the relay's address is of the form https://HOST:PORT")
	}
	return &Client{base: "https://" + base.Host, tokenFile: tokenFile, http: &http.Client{
		Transport: &http.Transport{
			DialTLSContext: func(ctx context.Context, network, address string) (net.Conn, error) {
				return dial(ctx, network, address, serverName, authorityFile)
			},
			MaxIdleConnsPerHost: idleConnections, IdleConnTimeout: idleTime,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

func dial(ctx context.Context, network, address, serverName, authorityFile string) (net.Conn, error) {
	authorities, err := os.ReadFile(authorityFile)
	if err != nil {
		return nil, fmt.Errorf("read the relay's authorities: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(authorities) {
		return nil, errors.New("read the relay's authorities: there is no certificate")
	}
	dialer := tls.Dialer{
		NetDialer: &net.Dialer{Timeout: connectTime},
		Config:    &tls.Config{RootCAs: pool, ServerName: serverName, MinVersion: tls.VersionTLS13},
	}
	return dialer.DialContext(ctx, network, address)
}

// Question is about one image.
type Question struct {
	// Model is the name of the OcrModel, Organization whose turn it is.
	Model, Organization string
	// Kind is relayport.KindPage or KindLine.
	Kind string
	// Location is where the model is believed to be.
	Location v1alpha1.ModelLocation
	// Attempt counts from 1 how often the same was asked.
	Attempt   int
	MediaType string
	Image     []byte
}

// Ask has a model answer. An error is that of ctx, or a *relayport.Failure, whatever else went wrong: its reason is one of the AI
// reasons of package document. Once the endpoint is asked, which costs, Ask returns what comes of it even if ctx ends meanwhile.
func (c *Client) Ask(ctx context.Context, question Question) (relayport.Answer, error) {
	if ctx.Err() != nil {
		return relayport.Answer{}, ctx.Err()
	}
	asking, stop := context.WithTimeout(context.WithoutCancel(ctx), longestQuestion)
	defer stop()
	var begun atomic.Bool
	defer context.AfterFunc(ctx, func() {
		if !begun.Load() {
			stop()
		}
	})()
	asking = httptrace.WithClientTrace(asking, &httptrace.ClientTrace{Got1xxResponse: func(status int, _ textproto.MIMEHeader) error {
		begun.Store(begun.Load() || status == relayport.StatusAsked)
		return nil
	}})
	answer, err := c.ask(asking, question)
	if err == nil {
		return answer, nil
	}
	var failure *relayport.Failure
	if errors.As(err, &failure) {
		return relayport.Answer{}, failure
	}
	if ctx.Err() != nil {
		return relayport.Answer{}, ctx.Err()
	}
	return relayport.Answer{}, &relayport.Failure{Reason: document.AIUnavailable, Detail: err.Error()}
}

func (c *Client) ask(ctx context.Context, question Question) (relayport.Answer, error) {
	token, err := readToken(c.tokenFile)
	if err != nil {
		return relayport.Answer{}, err
	}
	query := url.Values{
		relayport.QueryOrganization: {question.Organization}, relayport.QueryKind: {question.Kind},
		relayport.QueryLocation: {string(question.Location)}, relayport.QueryAttempt: {strconv.Itoa(question.Attempt)},
	}
	address := c.base + relayport.ReadPath(url.PathEscape(question.Model)) + "?" + query.Encode()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(question.Image))
	if err != nil {
		return relayport.Answer{}, err
	}
	request.Header.Set("Authorization", "Bearer "+token)
	request.Header.Set("Content-Type", question.MediaType)
	response, err := c.http.Do(request)
	if err != nil {
		return relayport.Answer{}, err
	}
	defer response.Body.Close()
	content, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	if err != nil {
		return relayport.Answer{}, fmt.Errorf("read the relay's answer: %w", err)
	}
	return answerOf(response.StatusCode, content)
}

// answerOf reads what the relay says.
func answerOf(status int, content []byte) (relayport.Answer, error) {
	if len(content) > maxAnswer {
		return relayport.Answer{}, &relayport.Failure{Reason: document.AITooLong, Detail: "the relay's answer has no end"}
	}
	if status == http.StatusOK {
		var answer relayport.Answer
		if err := json.Unmarshal(content, &answer); err != nil {
			return relayport.Answer{}, fmt.Errorf("decode the relay's answer: %w", err)
		}
		if len(answer.Text) > relayport.MaxAnswerBytes {
			return relayport.Answer{}, &relayport.Failure{Reason: document.AITooLong, Spent: answer.Spent}
		}
		return answer, nil
	}
	var failure relayport.Failure
	if err := json.Unmarshal(content, &failure); err != nil {
		return relayport.Answer{}, fmt.Errorf("the relay answers with status %d", status)
	}
	// It may be of another version, or not let us in.
	if _, known := document.AIReasons()[failure.Reason]; !known {
		failure.Detail = fmt.Sprintf("the relay answers with status %d and the reason %q", status, failure.Reason)
		failure.Reason = document.AIUnavailable
	}
	return relayport.Answer{}, &failure
}

func readToken(file string) (string, error) {
	opened, err := os.Open(file)
	if err != nil {
		return "", fmt.Errorf("read the token for the relay: %w", err)
	}
	defer opened.Close()
	content, err := io.ReadAll(io.LimitReader(opened, maxToken))
	if err != nil {
		return "", fmt.Errorf("read the token for the relay: %w", err)
	}
	token := strings.TrimSpace(string(content))
	if token == "" || strings.ContainsAny(token, "\r\n") {
		return "", errors.New("read the token for the relay: there is none")
	}
	return token, nil
}
