// Package client speaks to the public API of khocr. Its types and requests are generated from the OpenAPI document; what is
// written by hand here sends documents and fetches results as streams, waits for jobs, and makes errors of problems.
package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strconv"
	"strings"
)

// Client speaks to one gateway with one key. It may be used by several goroutines at once.
type Client struct{ *ClientWithResponses }

// New makes a client of the gateway at an address such as https://ocr.example.com. A redirection to another host is not followed,
// unless an http.Client among the options decides otherwise: the key is for this one.
func New(address, key string, options ...ClientOption) (*Client, error) {
	options = append(options, stayAtHost, WithRequestEditorFn(func(_ context.Context, r *http.Request) error {
		r.Header.Set("X-API-Key", key)
		return nil
	}))
	generated, err := NewClientWithResponses(strings.TrimSuffix(address, "/")+"/api/v1", options...)
	if err != nil {
		return nil, err
	}
	return &Client{generated}, nil
}

// maxRedirections is how many the standard library follows.
const maxRedirections = 10

// stayAtHost keeps a client from taking the key elsewhere: by itself the standard library sends it wherever it is redirected to.
func stayAtHost(c *Raw) error {
	own := http.Client{}
	if given, isHTTP := c.Client.(*http.Client); isHTTP {
		own = *given
	} else if c.Client != nil {
		return nil
	}
	if own.CheckRedirect == nil {
		own.CheckRedirect = func(next *http.Request, before []*http.Request) error {
			first := before[0].URL
			if len(before) > maxRedirections || next.URL.Hostname() != first.Hostname() || first.Scheme == "https" && next.URL.Scheme != "https" {
				return http.ErrUseLastResponse
			}
			return nil
		}
	}
	c.Client = &own
	return nil
}

// ProblemError is an answer that is a problem. Decide by its Code.
type ProblemError struct {
	Problem
	// RetryAfter is how many seconds to wait before another try; 0 where the answer does not say.
	RetryAfter int
}

// Error implements error.
func (e *ProblemError) Error() string {
	return fmt.Sprintf("%s: %s (request %s)", e.Code, e.Detail, e.RequestId)
}

// Convert sends a document, read once and never held whole, and what is to be done with it; the field File of asked is not
// looked at. A key that is not empty makes it safe to send the same once more. Errors are of type *ProblemError where the
// gateway has refused the document.
func (c *Client) Convert(ctx context.Context, fileName string, content io.Reader, asked Submission, idempotencyKey string) (*Accepted, error) {
	params := new(ConvertDocumentParams)
	if idempotencyKey != "" {
		params.IdempotencyKey = &idempotencyKey
	}
	reader, writer := io.Pipe()
	form := multipart.NewWriter(writer)
	go func() { writer.CloseWithError(writeForm(form, fileName, content, &asked)) }()
	response, err := c.ConvertDocumentWithBody(ctx, params, form.FormDataContentType(), reader)
	// Whoever does not read the form to its end lets its writer go.
	_ = reader.Close()
	return answerOf[Accepted](response, err, http.StatusAccepted)
}

// writeForm puts the parameters before the document, so that what is wrong with them is told before it is sent.
func writeForm(form *multipart.Writer, fileName string, content io.Reader, asked *Submission) error {
	fields := map[string]*string{
		"output_format": (*string)(asked.OutputFormat), "ocr_mode": (*string)(asked.OcrMode), "priority": (*string)(asked.Priority),
		"correct": (*string)(asked.Correct), "fallback": (*string)(asked.Fallback),
		"languages": asked.Languages, "pages": asked.Pages, "model": asked.Model, "password": asked.Password,
		"metadata": asked.Metadata, "callback_url": asked.CallbackUrl, "webhook_secret": asked.WebhookSecret,
	}
	if asked.ForceOcr != nil {
		word := strconv.FormatBool(*asked.ForceOcr)
		fields["force_ocr"] = &word
	}
	for name, value := range fields {
		if value == nil {
			continue
		}
		if err := form.WriteField(name, *value); err != nil {
			return err
		}
	}
	file, err := form.CreateFormFile("file", fileName)
	if err != nil {
		return err
	}
	if _, err := io.Copy(file, content); err != nil {
		return fmt.Errorf("read the document: %w", err)
	}
	return form.Close()
}

// waitFor is how long one request waits, as a gateway lets it.
const waitFor = "60s"

// Wait returns the job when it has ended.
func (c *Client) Wait(ctx context.Context, id string) (*Job, error) {
	wait := waitFor
	for {
		response, err := c.GetJob(ctx, id, &GetJobParams{Wait: &wait})
		if err != nil {
			return nil, err
		}
		job := new(Job)
		err = decode(response, http.StatusOK, job)
		_ = response.Body.Close()
		if err != nil {
			return nil, err
		}
		switch job.Status {
		case COMPLETED, FAILED, CANCELLED:
			return job, nil
		}
	}
}

// Result begins to fetch a result, in the format that was asked for at submission where format is empty. The caller closes
// it; a transfer that breaks off ends in an error of Read.
func (c *Client) Result(ctx context.Context, id string, format OutputFormat) (content io.ReadCloser, fileName string, err error) {
	params := new(GetResultParams)
	if format != "" {
		params.Format = &format
	}
	response, err := c.GetResult(ctx, id, params)
	if err != nil {
		return nil, "", err
	}
	if response.StatusCode != http.StatusOK {
		defer response.Body.Close()
		return nil, "", problemOf(response)
	}
	_, values, err := mime.ParseMediaType(response.Header.Get("Content-Disposition"))
	if err != nil {
		_ = response.Body.Close()
		return nil, "", fmt.Errorf("read the name of the result: %w", err)
	}
	return body{response.Body}, values["filename"], nil
}

func decode(response *http.Response, status int, into any) error {
	if response.StatusCode != status {
		return problemOf(response)
	}
	if err := json.NewDecoder(body{response.Body}).Decode(into); err != nil {
		return fmt.Errorf("decode the answer: %w", err)
	}
	return nil
}

// maxProblem bounds what is read of an error answer.
const maxProblem = 64 << 10

func problemOf(response *http.Response) error {
	problem := new(ProblemError)
	err := json.NewDecoder(io.LimitReader(response.Body, maxProblem)).Decode(&problem.Problem)
	if err == nil && problem.Code == "" {
		err = errors.New("it has no code") // what stands between may answer in JSON of its own
	}
	if err != nil {
		return &UnexpectedError{Status: response.StatusCode, Err: err}
	}
	problem.Status = response.StatusCode
	problem.RetryAfter, _ = strconv.Atoi(response.Header.Get("Retry-After"))
	return problem
}
