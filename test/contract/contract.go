// Package contract holds what goes over the public port against its OpenAPI document. It is for tests only.
//
// Answers are held to it strictly: a field, a header, a status or a code that the document does not have is a mismatch,
// though a client must take it. Requests are held to it where they were taken: what the gateway takes must be described.
package contract

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"
	"github.com/pb33f/libopenapi-validator/config"
	validation "github.com/pb33f/libopenapi-validator/errors"
	"github.com/pb33f/libopenapi-validator/paths"
	"github.com/pb33f/libopenapi-validator/schema_validation"
	v3 "github.com/pb33f/libopenapi/datamodel/high/v3"

	"github.com/openplp/khocr/apigateway/openapi"
)

// Document is the OpenAPI document, ready to check with.
type Document struct {
	// Model is the document itself.
	Model *v3.Document

	// lock is for the library, which writes to the model while it compiles schemas.
	lock                       sync.Mutex
	requests, answers, headers validator.Validator
	schemas                    schema_validation.SchemaValidator
	options                    *config.ValidationOptions
}

// Load reads the document that the gateway serves, once.
var Load = sync.OnceValues(func() (*Document, error) {
	model, err := read()
	if err != nil {
		return nil, err
	}
	asked, err := read()
	if err != nil {
		return nil, err
	}
	dropObjects(asked)
	strict := []config.Option{config.WithFormatAssertions(), config.WithStrictMode(),
		config.WithStrictIgnoredHeadersExtra(ignoredHeaders...), config.WithStrictIgnorePaths(freeNames...)}
	d := &Document{
		Model: model,
		requests: validator.NewValidatorFromV3Model(asked, config.WithFormatAssertions(),
			config.WithBodyDecoder("multipart/form-data", formDecoder)),
		answers: validator.NewValidatorFromV3Model(model, strict...),
		headers: validator.NewValidatorFromV3Model(model, append(strict, config.WithoutResponseBodyValidation())...),
		schemas: schema_validation.NewSchemaValidator(strict...),
		options: config.NewValidationOptions(),
	}
	return d, nil
})

func read() (*v3.Document, error) {
	parsed, err := libopenapi.NewDocument(openapi.YAML())
	if err != nil {
		return nil, fmt.Errorf("parse the OpenAPI document: %w", err)
	}
	built, err := parsed.BuildV3Model()
	if err != nil {
		return nil, fmt.Errorf("build the model of the OpenAPI document: %w", err)
	}
	return &built.Model, nil
}

// dropObjects takes the parameters away whose fields are parameters of the query. The library takes all there are for theirs.
func dropObjects(model *v3.Document) {
	for _, item := range model.Paths.PathItems.FromOldest() {
		for _, operation := range item.GetOperations().FromOldest() {
			operation.Parameters = slices.DeleteFunc(operation.Parameters, func(p *v3.Parameter) bool {
				return p.In == "query" && p.Schema != nil && slices.Contains(p.Schema.Schema().Type, "object")
			})
		}
	}
}

// ignoredHeaders are those that any answer may have, whatever it is.
var ignoredHeaders = []string{"X-Content-Type-Options", "Accept-Ranges", "Connection", "Content-Encoding", "Content-Language", "Allow",
	"Access-Control-Allow-Origin", "Access-Control-Expose-Headers"}

// freeNames are the fields whose names are the caller's own. The check of undeclared fields does not look at
// additionalProperties.
var freeNames = []string{"$.body.metadata.*", "$.body.jobs[*].metadata.*", "$.body.data.metadata.*"}

// Exchange is a request and its answer, with both bodies. RequestBody is nil where it was too large to be kept; the
// request's half is not checked then.
type Exchange struct {
	Request      *http.Request
	RequestBody  []byte
	Status       int
	Header       http.Header
	ResponseBody []byte
}

// Check finds in what an exchange differs from the document. It may be called by several goroutines at once.
func (d *Document) Check(e *Exchange) error {
	d.lock.Lock()
	defer d.lock.Unlock()
	if !strings.HasPrefix(e.Request.URL.Path, "/api/v1/") && e.Status < 400 {
		return nil // the document itself
	}
	if e.Request.Method == http.MethodOptions && e.Status == http.StatusNoContent {
		return nil
	}
	body, err := decoded(e.Header, e.ResponseBody)
	if err != nil {
		return err
	}
	request := headAsGet(e.Request)
	item, _, path := paths.FindPath(request, d.Model, d.options)
	var found error
	emptyPart := strings.Contains(request.URL.Path, "//") || strings.HasSuffix(request.URL.Path, "/")
	if item == nil || emptyPart || operationOf(item, request.Method) == nil {
		found = d.checkUnknown(e, body)
	} else {
		found = d.checkAnswer(e, item, path, body)
		if e.Status < 300 && e.RequestBody != nil {
			found = errors.Join(found, d.checkRequest(e))
		}
	}
	if found != nil {
		return fmt.Errorf("%s %s answered %d: %w\n%.2000s", e.Request.Method, redacted(e.Request), e.Status, found, body)
	}
	return nil
}

// checkUnknown checks the answers of addresses and methods that the document does not have.
func (d *Document) checkUnknown(e *Exchange, body []byte) error {
	name := map[int]string{http.StatusNotFound: "UnknownAddress", http.StatusMethodNotAllowed: "UnknownMethod",
		http.StatusInternalServerError: "InternalError"}[e.Status]
	if name == "" {
		return errors.New("the document has no such operation")
	}
	response := d.Model.Components.Responses.GetOrZero(name)
	found := checkCode(e, response, body)
	if e.Request.Method != http.MethodHead {
		found = errors.Join(found, d.checkSchema("Problem", body))
	}
	return found
}

func (d *Document) checkAnswer(e *Exchange, item *v3.PathItem, path string, body []byte) error {
	operation := operationOf(item, headAsGet(e.Request).Method)
	declared := operation.Responses.Codes.GetOrZero(fmt.Sprint(e.Status))
	if declared == nil {
		return fmt.Errorf("%s has no answer %d", operation.OperationId, e.Status)
	}
	response := &http.Response{StatusCode: e.Status, Header: e.Header, Body: io.NopCloser(bytes.NewReader(body))}
	checks := d.answers
	if e.Request.Method == http.MethodHead {
		checks = d.headers
	}
	_, mismatches := checks.GetResponseBodyValidator().ValidateResponseBodyWithPathItem(headAsGet(e.Request), response, item, path)
	found := joined(mismatches)
	if strings.HasPrefix(e.Header.Get("Content-Type"), "text/event-stream") {
		found = errors.Join(found, d.checkEvents(body))
	}
	return errors.Join(found, checkCode(e, declared, body))
}

// checkCode holds a problem's code to those of its answer, and the fields that say the same to one another.
func checkCode(e *Exchange, declared *v3.Response, body []byte) error {
	codes, err := CodesOf(declared)
	if err != nil || len(codes) == 0 || e.Request.Method == http.MethodHead {
		return err
	}
	var problem struct {
		Type, Code string
		Status     int
		RequestID  string `json:"request_id"`
	}
	if err := json.Unmarshal(body, &problem); err != nil {
		return err
	}
	if !slices.Contains(codes, problem.Code) {
		return fmt.Errorf("code %s is none of %v", problem.Code, codes)
	}
	if problem.Status != e.Status || !strings.HasSuffix(problem.Type, "/"+problem.Code) || problem.RequestID != e.Header.Get("X-Request-Id") {
		return errors.New("status, type or request_id is another one than the answer's")
	}
	return nil
}

// CodesOf are the codes that an answer of the document may have.
func CodesOf(response *v3.Response) (codes []string, err error) {
	if node := response.Extensions.GetOrZero("x-codes"); node != nil {
		err = node.Decode(&codes)
	}
	return codes, err
}

// checkRequest checks a request that was taken.
func (d *Document) checkRequest(e *Exchange) error {
	request := headAsGet(e.Request)
	request.Body = io.NopCloser(bytes.NewReader(e.RequestBody))
	_, mismatches := d.requests.ValidateHttpRequestSync(request)
	return joined(mismatches)
}

// checkSchema holds JSON to a schema of the document.
func (d *Document) checkSchema(name string, content []byte) error {
	var value any
	if err := json.Unmarshal(content, &value); err != nil {
		return fmt.Errorf("%s is no JSON: %w", name, err)
	}
	proxy := d.Model.Components.Schemas.GetOrZero(name)
	if proxy == nil {
		return fmt.Errorf("the document has no schema %s", name)
	}
	_, mismatches := d.schemas.ValidateSchemaBytes(proxy.Schema(), content)
	return joined(mismatches)
}

// checkEvents checks the data of every event of a stream.
func (d *Document) checkEvents(stream []byte) error {
	var found error
	for line := range strings.Lines(string(stream)) {
		// The last line may have been cut off with the connection.
		if data, ok := strings.CutPrefix(line, "data:"); ok && strings.HasSuffix(line, "\n") {
			found = errors.Join(found, d.checkSchema("Job", []byte(data)))
		}
	}
	return found
}

func operationOf(item *v3.PathItem, method string) *v3.Operation {
	return map[string]*v3.Operation{http.MethodGet: item.Get, http.MethodPost: item.Post, http.MethodPut: item.Put, http.MethodDelete: item.Delete}[method]
}

// headAsGet is the request that has the same answer in the document: every GET there serves HEAD, too.
func headAsGet(r *http.Request) *http.Request {
	copied := r.Clone(r.Context())
	copied.URL.RawPath = "" // the gateway goes by the decoded path
	if copied.Method == http.MethodHead {
		copied.Method = http.MethodGet
	}
	return copied
}

func decoded(header http.Header, body []byte) ([]byte, error) {
	if header.Get("Content-Encoding") != "gzip" || len(body) == 0 {
		return body, nil
	}
	reader, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("the answer is no gzip: %w", err)
	}
	return io.ReadAll(reader)
}

func redacted(r *http.Request) string {
	query := r.URL.Query()
	for _, secret := range []string{"api_key", "token"} {
		if query.Has(secret) {
			query.Set(secret, "…")
		}
	}
	copied := *r.URL
	copied.RawQuery = query.Encode()
	return copied.RequestURI()
}

func joined(mismatches []*validation.ValidationError) error {
	var found error
	for _, mismatch := range mismatches {
		text := mismatch.Message + ": " + mismatch.Reason
		for _, detail := range mismatch.SchemaValidationErrors {
			text += fmt.Sprintf("; %s: %s", strings.Join(detail.InstancePath, "."), detail.Reason)
		}
		found = errors.Join(found, errors.New(text))
	}
	return found
}
