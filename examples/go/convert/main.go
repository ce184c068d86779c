// Command convert converts one document: it hands it in, waits for its end, and leaves NAME.docx and NAME.json in this folder.
//
// Usage: KHOCR_URL=https://ocr.example.com KHOCR_API_KEY=khocr_... convert FILE
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/openplp/khocr/client"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: convert FILE")
		os.Exit(2)
	}
	if err := convert(context.Background(), os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, explain(err))
		os.Exit(1)
	}
}

func convert(ctx context.Context, path string) error {
	platform, err := client.New(os.Getenv("KHOCR_URL"), os.Getenv("KHOCR_API_KEY"))
	if err != nil {
		return err
	}
	document, err := os.Open(path)
	if err != nil {
		return err
	}
	defer document.Close()
	accepted, err := platform.Convert(ctx, filepath.Base(path), document, client.Submission{OutputFormat: new(client.OutputFormatDocx)}, "")
	if err != nil {
		return err
	}
	fmt.Println("Job ID:", accepted.JobId)
	job, err := platform.Wait(ctx, accepted.JobId)
	if err != nil {
		return err
	}
	if job.Status != client.COMPLETED {
		return fmt.Errorf("the job is %s%s", job.Status, reasonOf(job))
	}
	name := strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
	for _, format := range []client.OutputFormat{client.OutputFormatDocx, client.OutputFormatJson} {
		result := name + "." + string(format)
		if err := save(ctx, platform, job.Id, format, result); err != nil {
			return err
		}
		fmt.Println(result)
	}
	return nil
}

func save(ctx context.Context, platform *client.Client, job string, format client.OutputFormat, path string) error {
	content, _, err := platform.Result(ctx, job, format)
	if err != nil {
		return err
	}
	defer content.Close()
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	_, err = io.Copy(file, content)
	return errors.Join(err, file.Close())
}

func reasonOf(job *client.Job) string {
	if job.Error == nil {
		return ""
	}
	return ": " + job.Error.Message + "\n" + job.Error.MessageKm
}

// explain tells a refusal in both languages.
func explain(err error) string {
	if problem, ok := errors.AsType[*client.ProblemError](err); ok {
		return fmt.Sprintf("%s: %s\n%s៖ %s", problem.Code, problem.Detail, problem.MessageKm, problem.DetailKm)
	}
	return err.Error()
}
