package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/openplp/khocr/client"
)

// Environment in which commands find the platform. A key on the command line would be seen by everybody on the machine.
const (
	envURL = "KHOCR_URL"
	envKey = "KHOCR_API_KEY"
)

// connect makes a client of the platform that the environment names.
func connect() (*client.Client, error) {
	address, key := os.Getenv(envURL), os.Getenv(envKey)
	if address == "" || key == "" {
		return nil, fmt.Errorf("set %s to the platform's address, such as https://ocr.example.com, and %s to your API key", envURL, envKey)
	}
	return client.New(address, key)
}

func convertCommand() *cobra.Command {
	var format, out string
	command := &cobra.Command{
		Use:   "convert FILE",
		Short: "Turn a document into text, Word, JSON or a searchable PDF",
		Long: `Turn a document into text, Word, JSON or a searchable PDF.

The platform is found by ` + envURL + ` and ` + envKey + ` of the environment. The result is
written beside the document, under its name with the format's ending.`,
		Example: `  khocr convert letter.pdf --format docx
  khocr convert scan.tiff --format text --out -`,
		Args: cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, arguments []string) error {
			if err := convert(command.Context(), arguments[0], client.OutputFormat(format), out, command.OutOrStdout()); err != nil {
				return failure{err}
			}
			return nil
		},
	}
	flags := command.Flags()
	flags.StringVar(&format, "format", "json", "`format` of the result: json, text, docx, pdf, hocr, alto or markdown")
	flags.StringVar(&out, "out", "", "`file` to write the result to, or - for standard output")
	return command
}

// convert sends a document, waits for its job and writes the result.
func convert(ctx context.Context, path string, format client.OutputFormat, out string, stdout io.Writer) error {
	platform, err := connect()
	if err != nil {
		return err
	}
	document, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("open the document: %w", err)
	}
	defer document.Close()
	accepted, err := platform.Convert(ctx, filepath.Base(path), document, client.Submission{OutputFormat: &format}, "")
	if err != nil {
		return fmt.Errorf("submit the document: %w", err)
	}
	job, err := platform.Wait(ctx, accepted.JobId)
	if err != nil {
		return fmt.Errorf("wait for job %s: %w", accepted.JobId, err)
	}
	if job.Status != client.COMPLETED {
		return fmt.Errorf("job %s ended as %s%s", job.Id, job.Status, reasonOf(job))
	}
	content, name, err := platform.Result(ctx, job.Id, "")
	if err != nil {
		return fmt.Errorf("fetch the result of job %s: %w", job.Id, err)
	}
	defer content.Close()
	if out == "-" {
		_, err = io.Copy(stdout, content)
		return err
	}
	if err := save(cmp.Or(out, filepath.Join(filepath.Dir(path), filepath.Base(name))), content); err != nil {
		return fmt.Errorf("job %s: %w", job.Id, err)
	}
	return nil
}

func reasonOf(job *client.Job) string {
	if job.Error == nil {
		return ""
	}
	return ": " + job.Error.Message
}

// save writes a result whole or not at all, and over nothing that is there.
func save(path string, content io.Reader) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return fmt.Errorf("write the result: %w", err)
	}
	_, err = io.Copy(file, content)
	if err = errors.Join(err, file.Close()); err != nil {
		return errors.Join(fmt.Errorf("write the result: %w", err), os.Remove(path))
	}
	return nil
}
