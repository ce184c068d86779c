// Command folder converts every PDF of a folder to Word, each beside its document. A file that fails holds up no other. Run again it
// goes on: what is there is not fetched again, and a document that was handed in is not read a second time.
//
// Usage: KHOCR_URL=https://ocr.example.com KHOCR_API_KEY=khocr_... folder FOLDER
package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/openplp/khocr/client"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: folder FOLDER")
		os.Exit(2)
	}
	failed, err := convertAll(context.Background(), os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	if err != nil || failed {
		os.Exit(1)
	}
}

// convertAll tells whether a document has failed.
func convertAll(ctx context.Context, folder string) (failed bool, err error) {
	platform, err := client.New(os.Getenv("KHOCR_URL"), os.Getenv("KHOCR_API_KEY"))
	if err != nil {
		return false, err
	}
	documents, err := filepath.Glob(filepath.Join(folder, "*.pdf"))
	if err != nil {
		return false, err
	}
	complain := func(path string, err error) {
		fmt.Fprintf(os.Stderr, "%s: %s\n", path, explain(err))
		failed = true
	}
	// All are handed in first: the platform works on as many at once as the plan allows.
	jobs := map[string]string{}
	for _, path := range documents {
		if _, err := os.Stat(resultOf(path)); err == nil {
			continue
		}
		if jobs[path], err = submit(ctx, platform, path); err != nil {
			delete(jobs, path)
			complain(path, err)
		}
	}
	for path, job := range jobs {
		if err := fetch(ctx, platform, job, resultOf(path)); err != nil {
			complain(path, err)
			continue
		}
		fmt.Println(resultOf(path))
	}
	return failed, nil
}

func resultOf(path string) string { return strings.TrimSuffix(path, ".pdf") + ".docx" }

// submit hands a document in, under a name that is its own: sent once more it is the same job. While the API asks to come later it
// does, but a month that is used up is not waited for.
func submit(ctx context.Context, platform *client.Client, path string) (job string, err error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	digest := sha256.Sum256(content)
	for {
		accepted, err := platform.Convert(ctx, filepath.Base(path), bytes.NewReader(content),
			client.Submission{OutputFormat: new(client.OutputFormatDocx)}, hex.EncodeToString(digest[:]))
		if err == nil {
			return accepted.JobId, nil
		}
		problem, refused := errors.AsType[*client.ProblemError](err)
		later := refused && (problem.Status == http.StatusTooManyRequests || problem.Status == http.StatusServiceUnavailable)
		if !later || problem.Code == "page_quota_exceeded" {
			return "", err
		}
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case <-time.After(time.Duration(problem.RetryAfter) * time.Second):
		}
	}
}

// fetch waits for the end of a job, and writes its result: whole, or under no name that counts.
func fetch(ctx context.Context, platform *client.Client, id, result string) error {
	job, err := platform.Wait(ctx, id)
	if err != nil {
		return err
	}
	if job.Status != client.COMPLETED {
		if job.Error == nil {
			return fmt.Errorf("the job is %s", job.Status)
		}
		return fmt.Errorf("%s\n%s", job.Error.Message, job.Error.MessageKm)
	}
	content, _, err := platform.Result(ctx, id, client.OutputFormatDocx)
	if err != nil {
		return err
	}
	defer content.Close()
	file, err := os.Create(result + ".part")
	if err != nil {
		return err
	}
	_, err = io.Copy(file, content)
	if err = errors.Join(err, file.Close()); err != nil {
		return err
	}
	return os.Rename(file.Name(), result)
}

// explain tells a refusal in both languages.
func explain(err error) string {
	if problem, ok := errors.AsType[*client.ProblemError](err); ok {
		return fmt.Sprintf("%s: %s\n%s៖ %s", problem.Code, problem.Detail, problem.MessageKm, problem.DetailKm)
	}
	return err.Error()
}
