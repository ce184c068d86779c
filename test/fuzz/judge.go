package fuzz

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/openplp/khocr/test/contract"
)

// leak is what tells of the inside: paths, errors of Go and of Kubernetes, traces. No request has any of it.
var leak = regexp.MustCompile(`goroutine [0-9]|\.go:[0-9]|runtime error|panic:|/tmp/|/var/|/home/|/root/|k8s\.io|\.svc\b|ocrjobs\.ocr|` +
	`strconv\.|json: |mime: |multipart: |unexpected EOF|invalid character|net/http|x509|i/o timeout|connection re`)

// judge tells what came of a request in a word, and what is wrong with that.
func (f *fuzzer) judge(r *request, got answer) (outcome string, err error) {
	if got.status == 0 {
		switch {
		case got.late && waits(r):
			return "waits", nil
		case r.rough:
			return "none", nil
		}
		return "none", fmt.Errorf("no answer: %w", got.err)
	}
	outcome = fmt.Sprint(got.status)
	if got.status >= http.StatusInternalServerError {
		outcome += codeOf(got.body)
	}
	stream := strings.HasPrefix(got.header.Get("Content-Type"), "text/event-stream")
	if got.err != nil && !stream && !r.rough {
		return outcome, fmt.Errorf("the answer broke off: %w", got.err)
	}
	if got.status == http.StatusAccepted {
		var accepted struct {
			JobID string `json:"job_id"`
		}
		if json.Unmarshal(got.body, &accepted) == nil && accepted.JobID != "" {
			f.learn(accepted.JobID)
		}
	}
	told := fmt.Sprint(got.header) + string(got.body)
	var findings []error
	if got.status >= http.StatusInternalServerError && !(got.status == http.StatusServiceUnavailable && r.leaves()) && !(r.rough && fromHTTP(got)) {
		findings = append(findings, fmt.Errorf("status %d: %.500s", got.status, got.body))
	}
	if r.strangers && got.status < http.StatusBadRequest && r.method != http.MethodOptions {
		findings = append(findings, fmt.Errorf("another organization's job: status %d: %.500s", got.status, got.body))
	}
	for _, secret := range []string{f.Key, f.Other} {
		if secret != "" && strings.Contains(told, secret) {
			findings = append(findings, errors.New("the answer holds a key"))
		}
	}
	if found := leak.FindString(told); found != "" {
		findings = append(findings, fmt.Errorf("the answer tells of the inside (%q): %.500s", found, got.body))
	}
	if fromHTTP(got) {
		if !r.rough && !got.odd(r) {
			findings = append(findings, fmt.Errorf("status %d is no answer of the gateway: %.200s", got.status, got.body))
		}
		return outcome + "-http", errors.Join(findings...)
	}
	if parsed := r.parsed(); parsed != nil {
		exchange := &contract.Exchange{Request: parsed, Status: got.status, Header: got.header, ResponseBody: got.body}
		if err := f.document.Check(exchange); err != nil {
			findings = append(findings, err)
		}
	}
	return outcome, errors.Join(findings...)
}

// codeOf is the code of a problem, after a hyphen.
func codeOf(body []byte) string {
	var problem struct{ Code string }
	if json.Unmarshal(body, &problem) != nil || problem.Code == "" {
		return ""
	}
	return "-" + problem.Code
}

// fromHTTP tells that an answer comes from Go's server and not from the gateway, which names every request.
func fromHTTP(got answer) bool { return got.header.Get("X-Request-Id") == "" }

// odd tells that Go's server may refuse the request before the gateway sees it.
func (got answer) odd(r *request) bool {
	for _, one := range r.headers {
		if strings.EqualFold(one.name, "Expect") && got.status == http.StatusExpectationFailed {
			return true
		}
	}
	return false
}

// waits tells that an answer may be a long time in coming.
func waits(r *request) bool {
	return slices.ContainsFunc(r.query, func(p pair) bool { return p.name == "wait" }) || strings.HasSuffix(r.operation.path, "/events")
}
