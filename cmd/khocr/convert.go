package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/openplp/khocr/client"
	"github.com/openplp/khocr/internal/document"
)

// Environment in which commands find the platform, and a document's password. A key on the command line would be seen by everybody on the machine.
const (
	envURL      = "KHOCR_URL"
	envKey      = "KHOCR_API_KEY"
	envPassword = "KHOCR_PASSWORD"
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
	var asked asked
	command := &cobra.Command{
		Use:   "convert FILE",
		Short: "Turn a document into text, Word, JSON or a searchable PDF",
		Long: `Turn a document into text, Word, JSON or a searchable PDF.

The platform is found by ` + envURL + ` and ` + envKey + ` of the environment, and the password
of a document that needs one by ` + envPassword + `. The result is written beside the document,
under its name with the format's ending, and over nothing that is there.`,
		Example: `  khocr convert letter.pdf --format docx
  khocr convert scan.tiff --format text --out -`,
		Args: cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, arguments []string) error {
			if err := convert(command.Context(), arguments[0], asked, command.OutOrStdout()); err != nil {
				return failure{err}
			}
			return nil
		},
	}
	flags := command.Flags()
	flags.StringVar(&asked.format, "format", "json", "`format` of the result: json, text, docx, pdf, hocr, alto or markdown")
	flags.StringVar(&asked.out, "out", "", "`file` to write the result to, or - for standard output")
	flags.StringVar(&asked.pages, "pages", "", "`pages` to convert, such as 1-3,7 (default all)")
	flags.StringVar(&asked.languages, "languages", "", "`languages` of the document, such as km,en, which choose the model")
	flags.StringVar(&asked.model, "model", "", "`model` to recognise with, by its id")
	flags.StringVar(&asked.mode, "mode", "", "which pages to recognise: auto, force or skip (default auto)")
	flags.StringVar(&asked.correct, "correct", "", "whether recognised Khmer is corrected where it is unsure: auto or off (default auto)")
	return command
}

// asked is what the command line says of a conversion; what is empty is left to the platform.
type asked struct{ format, out, pages, languages, model, mode, correct string }

func (a asked) submission() client.Submission {
	return client.Submission{
		OutputFormat: stated(client.OutputFormat(a.format)), Pages: stated(a.pages), Languages: stated(a.languages),
		Model: stated(a.model), OcrMode: stated(client.OcrMode(a.mode)), Password: stated(os.Getenv(envPassword)),
		Correct: stated(client.Correction(a.correct)),
	}
}

func stated[T ~string](value T) *T {
	if value == "" {
		return nil
	}
	return &value
}

// destination is where the result of a document goes.
func (a asked) destination(path string) (string, error) {
	if a.out != "" {
		return a.out, nil
	}
	format, err := document.ParseFormat(a.format)
	if err != nil {
		return "", err
	}
	bare := strings.TrimSuffix(path, filepath.Ext(path))
	if result := bare + format.Extension(); result != path {
		return result, nil
	}
	return bare + "-searchable" + format.Extension(), nil
}

// convert sends a document, waits for its job and writes the result.
func convert(ctx context.Context, path string, asked asked, stdout io.Writer) error {
	platform, err := connect()
	if err != nil {
		return err
	}
	destination, err := asked.destination(path)
	if err != nil {
		return err
	}
	// Pages are charged, so this is said before.
	if _, err := os.Lstat(destination); destination != "-" && err == nil {
		return fmt.Errorf("%s is there already: move it, or name another file with --out", destination)
	}
	document, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("open the document: %w", err)
	}
	defer document.Close()
	accepted, err := platform.Convert(ctx, filepath.Base(path), document, asked.submission(), "")
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
	content, _, err := platform.Result(ctx, job.Id, "")
	if err != nil {
		return fmt.Errorf("fetch the result of job %s: %w", job.Id, err)
	}
	defer content.Close()
	if destination == "-" {
		_, err = io.Copy(stdout, content)
		return err
	}
	if err := save(destination, content); err != nil {
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
