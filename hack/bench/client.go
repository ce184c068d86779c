package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

// platform is khocr as a client and an operator reach it.
type platform struct {
	url, key, kubeconfig string
	kube                 kubernetes.Interface
}

func (p *platform) connect() error {
	config, err := clientcmd.BuildConfigFromFlags("", p.kubeconfig)
	if err != nil {
		return fmt.Errorf("reading the kubeconfig: %w", err)
	}
	p.kube, err = kubernetes.NewForConfig(config)
	return err
}

// submit posts a document and returns the job's id. The content is sent as it is read.
func (p *platform) submit(ctx context.Context, name string, content io.Reader) (string, error) {
	body, sink := io.Pipe()
	form := multipart.NewWriter(sink)
	go func() {
		part, err := form.CreateFormFile("file", name)
		if err == nil {
			_, err = io.Copy(part, content)
		}
		if err == nil {
			err = form.Close()
		}
		sink.CloseWithError(err)
	}()
	var accepted struct {
		JobID string `json:"job_id"`
	}
	err := p.call(ctx, http.MethodPost, "/api/v1/convert", body, form.FormDataContentType(), http.StatusAccepted, &accepted)
	return accepted.JobID, err
}

// convert posts a document, waits until it is completed, and returns the time that took.
func (p *platform) convert(ctx context.Context, name string, content []byte) (time.Duration, error) {
	start := time.Now()
	id, err := p.submit(ctx, name, bytes.NewReader(content))
	if err != nil {
		return 0, err
	}
	return p.await(ctx, id, start)
}

func (p *platform) await(ctx context.Context, id string, start time.Time) (time.Duration, error) {
	for {
		var job struct {
			Status string `json:"status"`
		}
		if err := p.call(ctx, http.MethodGet, "/api/v1/jobs/"+id+"?wait=30s", nil, "", http.StatusOK, &job); err != nil {
			return 0, err
		}
		switch job.Status {
		case "COMPLETED":
			return time.Since(start), nil
		case "FAILED", "CANCELLED":
			return 0, fmt.Errorf("job %s is %s", id, job.Status)
		}
	}
}

func (p *platform) call(ctx context.Context, method, path string, body io.Reader, contentType string, want int, answer any) error {
	request, err := http.NewRequestWithContext(ctx, method, p.url+path, body)
	if err != nil {
		return err
	}
	request.Header.Set("X-API-Key", p.key)
	if contentType != "" {
		request.Header.Set("Content-Type", contentType)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		return fmt.Errorf("reading the answer to %s %s: %w", method, path, err)
	}
	if response.StatusCode != want {
		return fmt.Errorf("%s %s: %w", method, path, &refusal{response.StatusCode, content})
	}
	return json.Unmarshal(content, answer)
}

// refusal is an answer with another status than that which was wanted.
type refusal struct {
	status  int
	content []byte
}

func (r *refusal) Error() string { return fmt.Sprintf("status %d: %s", r.status, r.content) }
