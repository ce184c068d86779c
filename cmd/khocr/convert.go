package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/openplp/khocr/client"
	"github.com/openplp/khocr/internal/batch"
	"github.com/openplp/khocr/internal/document"
)

// conversion is what the command line says of one; what is empty is left to the platform.
type conversion struct {
	format, out                            string
	pages, languages, model, mode, correct string
	fallback                               string
	wait, json                             bool
}

func (p *program) convertCommand() *cobra.Command {
	var asked conversion
	command := &cobra.Command{
		Use:   "convert FILE|FOLDER...",
		Short: "Turn documents into text, Word, JSON or searchable PDFs",
		Long: `Turn documents into text, Word, JSON or searchable PDFs.

Folders are searched for PDFs and images with all that lies below them. The results
are written beside the documents, under their names with the format's ending, or
below the folder that --out names, and over nothing that is there.

As many documents are at work at a time as your plan has slots. A run that was
stopped, by Ctrl-C or otherwise, goes on where it was when the same command is
called again; nothing is converted, or charged, twice. The password of documents
that need one is taken from ` + envPassword + ` of the environment.

Exit status: 0 all is done, 1 some documents failed, 2 the command is not
understood, 3 the key is missing or refused, 4 the pages of the month are used up,
5 the platform cannot be reached, 130 interrupted.`,
		Example: `  khocr convert letter.pdf --format docx
  khocr convert scans --format docx --out results
  khocr convert scan.tiff --format text --out -
  khocr convert minutes.pdf --model gemma --fallback none`,
		Args: cobra.MinimumNArgs(1),
		RunE: p.online(func(ctx context.Context, platform *client.Client, named []string) error {
			return p.convert(ctx, platform, named, asked)
		}),
	}
	flags := command.Flags()
	flags.StringVar(&asked.format, "format", "json", "`format` of the results: json, text, docx, pdf, hocr, alto or markdown")
	flags.StringVar(&asked.out, "out", "", "`folder` to write the results to, or - for standard output with one document")
	flags.BoolVar(&asked.wait, "wait", true, "wait for the results; without, documents are only handed in")
	flags.BoolVar(&asked.json, "json", false, "tell what becomes of the documents as lines of JSON on standard output")
	flags.StringVar(&asked.pages, "pages", "", "`pages` to convert, such as 1-3,7 (default all)")
	flags.StringVar(&asked.languages, "languages", "", "`languages` of the documents, such as km,en, which choose the model")
	flags.StringVar(&asked.model, "model", "", "`model` to recognise with, by its id")
	flags.StringVar(&asked.mode, "mode", "", "which pages to recognise: auto, force or skip (default auto)")
	flags.StringVar(&asked.correct, "correct", "", "whether recognised Khmer is corrected where it is unsure: auto, off, or ai for an AI model that is asked about such lines (default auto)")
	flags.StringVar(&asked.fallback, "fallback", "", "what becomes of pages that an AI model does not read: default has them recognised, none has them fail")
	completeFormats(command)
	complete(command, "mode", "auto", "force", "skip")
	complete(command, "correct", "auto", "off", "ai")
	complete(command, "fallback", "default", "none")
	p.completeModels(command)
	return command
}

func (a conversion) submission(password string) client.Submission {
	return client.Submission{
		Pages: stated(a.pages), Languages: stated(a.languages), Model: stated(a.model), OcrMode: stated(client.OcrMode(a.mode)),
		Password: stated(password), Correct: stated(client.Correction(a.correct)), Fallback: stated(client.Fallback(a.fallback)),
	}
}

func stated[T ~string](value T) *T {
	if value == "" {
		return nil
	}
	return &value
}

// misuse is an error of what the command line says, found out late.
func misuse(err error) error { return &fault{exitMisuse, said(printable(err.Error()))} }

func (p *program) convert(ctx context.Context, platform *client.Client, named []string, asked conversion) error {
	format, err := document.ParseFormat(asked.format)
	if err != nil {
		return misuse(err)
	}
	if err := p.spareEyes(format, asked.out == "-"); err != nil {
		return err
	}
	journal, err := p.journal()
	if err != nil {
		return err
	}
	documents, err := p.find(named, asked.out, format, journal)
	if err != nil {
		return err
	}
	usage, err := ask(ctx, p, func() (*client.Usage, error) { return platform.Usage(ctx, "") })
	if err != nil {
		return err
	}
	if usage.Limits.Suspended {
		return p.fault(exitKey, sayNoSuspend)
	}
	display := p.display(ctx, len(documents), asked.json)
	b := &batch.Batch{
		Client: platform, Journal: journal, Asked: asked.submission(p.getenv(envPassword)), Format: client.OutputFormat(format),
		Slots: int(usage.Limits.MaxConcurrentJobs), MaxBytes: usage.Limits.MaxFileBytes, Leave: !asked.wait, Tell: display.tell,
	}
	if asked.out == "-" {
		b.To = p.out
	}
	outcomes, err := b.Run(ctx, documents)
	display.close()
	return p.sum(outcomes, err, asked, usage)
}

// journal lies where programs keep what they want to know again.
func (p *program) journal() (*batch.Journal, error) {
	state := p.getenv("XDG_STATE_HOME")
	if !filepath.IsAbs(state) {
		home, err := os.UserHomeDir()
		if err != nil {
			return nil, fmt.Errorf("find the home of the journal: %w", err)
		}
		state = filepath.Join(home, ".local", "state")
	}
	return batch.OpenJournal(filepath.Join(state, "khocr"))
}

// find makes sure that what was named can be converted, before anything is sent.
func (p *program) find(named []string, out string, format document.Format, journal *batch.Journal) ([]batch.Document, error) {
	into := out
	if out == "-" {
		into = ""
	} else if info, err := os.Stat(out); out != "" && err == nil && !info.IsDir() {
		return nil, p.fault(exitMisuse, sayNoFolder, out)
	}
	written, err := journal.Written()
	if err != nil {
		return nil, err
	}
	documents, err := batch.Find(named, into, format, written)
	same := new(batch.SameResultError)
	switch {
	case errors.As(err, &same):
		return nil, p.fault(exitMisuse, saySameName, same.One, same.Other, same.Result)
	case err != nil:
		return nil, misuse(err)
	case len(documents) == 0:
		return nil, p.fault(exitMisuse, sayNothing)
	case out == "-" && len(documents) > 1:
		return nil, p.fault(exitMisuse, sayOneOnly, len(documents))
	}
	return documents, nil
}

// maxListed is how many of the documents that are left are named.
const maxListed = 10

// sum says what became of the documents, and with which error to end.
func (p *program) sum(outcomes []batch.Outcome, stopped error, asked conversion, usage *client.Usage) error {
	count := map[batch.Stage]int{}
	var left []string
	var failed error
	for _, outcome := range outcomes {
		count[outcome.Stage]++
		switch outcome.Stage {
		case batch.Left:
			left = append(left, outcome.Document.Path)
		case batch.Failed:
			failed = outcome.Err
		}
	}
	if asked.json {
		summary := map[string]any{"event": "summary"}
		for _, stage := range []batch.Stage{batch.Done, batch.Kept, batch.HandedIn, batch.Failed, batch.Left} {
			summary[string(stage)] = count[stage]
		}
		if err := writeJSON(p.out, summary); err != nil {
			return err
		}
	}
	if stopped == nil && len(outcomes) == 1 {
		if failed != nil {
			status, _ := p.explain(failed)
			return &fault{status: status} // why was told when it failed
		}
		return nil
	}
	summary := saySummary.in(p.language, count[batch.Done], count[batch.Kept], count[batch.Failed], len(left))
	if !asked.wait {
		summary = sayHandedIn.in(p.language, count[batch.HandedIn], count[batch.Kept], count[batch.Failed], len(left))
	}
	status := 0
	if failed != nil {
		status = exitFailed
	}
	if stopped != nil {
		var why said
		status, why = p.explain(stopped)
		if batch.IsQuota(stopped) && errors.As(stopped, new(*batch.JobError)) {
			why = sayQuota.in(p.language) // of the document it was told
		}
		summary = why + "\n" + summary + p.leftover(left)
		if batch.IsQuota(stopped) && usage.ResetsAt != nil {
			summary += "\n" + sayQuotaReset.in(p.language, usage.ResetsAt.Local().Format("2006-01-02 15:04"))
		}
	}
	if status == 0 {
		p.tell(summary)
		return nil
	}
	return &fault{status, summary}
}

// leftover names what is left and the command that goes on with it.
func (p *program) leftover(left []string) said {
	if len(left) == 0 {
		return ""
	}
	text := "\n" + sayLeftOnes.in(p.language)
	for i, path := range left {
		if i == maxListed {
			text += "\n" + sayAndMore.in(p.language, len(left)-i)
			break
		}
		text += "\n  " + said(printable(path))
	}
	return text + "\n" + sayGoOn.in(p.language, p.line)
}
