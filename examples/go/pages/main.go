// Command pages prints the text of a document page after page, while the others are still being read.
//
// Usage: KHOCR_URL=https://ocr.example.com KHOCR_API_KEY=khocr_... pages FILE
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/openplp/khocr/client"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: pages FILE")
		os.Exit(2)
	}
	if err := read(context.Background(), os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, explain(err))
		os.Exit(1)
	}
}

func read(ctx context.Context, path string) error {
	platform, err := client.New(os.Getenv("KHOCR_URL"), os.Getenv("KHOCR_API_KEY"))
	if err != nil {
		return err
	}
	document, err := os.Open(path)
	if err != nil {
		return err
	}
	defer document.Close()
	accepted, err := platform.Convert(ctx, filepath.Base(path), document, client.Submission{}, "")
	if err != nil {
		return err
	}
	events, err := platform.StreamJob(ctx, accepted.JobId, nil)
	if err != nil {
		return err
	}
	defer events.Body.Close()
	if events.StatusCode != http.StatusOK {
		return fmt.Errorf("the events are answered %s", events.Status)
	}
	// Each event tells how the job stands; the stream closes after the last one.
	next, job := 1, client.Job{}
	lines := bufio.NewScanner(events.Body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		data, found := strings.CutPrefix(lines.Text(), "data:")
		if !found {
			continue
		}
		if err := json.Unmarshal([]byte(data), &job); err != nil {
			return err
		}
		if next, err = printFrom(ctx, platform, accepted.JobId, next); err != nil {
			return err
		}
	}
	if job.Status != client.COMPLETED {
		return errors.Join(fmt.Errorf("the job is %s", job.Status), lines.Err())
	}
	return nil
}

// printFrom prints the pages that are there from a number on, and returns that of the first one that is not.
func printFrom(ctx context.Context, platform *client.Client, job string, number int) (int, error) {
	for ; ; number++ {
		answer, err := platform.GetPageWithResponse(ctx, job, number, nil)
		if err != nil {
			return number, err
		}
		switch answer.StatusCode() {
		case http.StatusOK:
			fmt.Printf("--- page %d\n%s\n", number, answer.JSON200.Text)
		case http.StatusConflict, http.StatusNotFound: // not yet, or beyond the end
			return number, nil
		default:
			return number, fmt.Errorf("page %d is answered %s", number, answer.Status())
		}
	}
}

// explain tells a refusal in both languages.
func explain(err error) string {
	if problem, ok := errors.AsType[*client.ProblemError](err); ok {
		return fmt.Sprintf("%s: %s\n%s៖ %s", problem.Code, problem.Detail, problem.MessageKm, problem.DetailKm)
	}
	return err.Error()
}
