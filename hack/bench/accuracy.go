package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
)

func accuracyCommand() *cobra.Command {
	var own reader
	var data string
	var every int
	var a accuracy
	command := &cobra.Command{
		Use:   "accuracy",
		Short: "Read documents whose text is known, and count the mistakes and the cost",
		Long: `Reads the images and PDFs of a folder as a worker does, with the engine of "make build" and without a cluster, and compares
the text with NAME.txt, the truth of a whole document, or NAME-pNNN.txt, that of page NNN of NAME.pdf. What has no truth is
read but not scored. A document that cannot be read counts as empty. The part of NAME before the first dash names the set
that it belongs to.

Where the truth is empty, nothing must be read: the characters that were read nevertheless are counted by themselves and are no
part of the CER.

The last table tells how far confidences can be believed: of the words that were recognised, the share that is right as
internal/score defines it. A confidence means what it says where its mean is that share.`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			samples, err := chooseSamples(command, data, every)
			if err != nil {
				return err
			}
			if err := errors.Join(own.check(), atLeastOne("jobs", a.jobs)); err != nil {
				return err
			}
			return a.measure(command.Context(), command.OutOrStdout(), own, samples, report{Data: data, Model: own.model})
		},
	}
	samplesFlags(command, &data, &every)
	own.flags(command)
	flags := command.Flags()
	flags.BoolVar(&a.asJSON, "json", false, "print the figures as JSON")
	flags.StringVar(&a.folder, "out", "", "folder to write what was read to, as NAME.txt")
	flags.BoolVar(&a.perPage, "per-page", false, "with --out, write each page of a PDF as NAME-pNNN.txt too")
	flags.StringVar(&a.look, "look", "", "HTML page to write, which shows the lines of images that were read worst, and those that were right though unsure")
	flags.IntVar(&a.jobs, "jobs", 1, "documents to read at the same time, by one engine each")
	return command
}

// accuracy is how the command was asked to go about it.
type accuracy struct {
	asJSON  bool
	folder  string
	perPage bool
	look    string
	jobs    int
}

// measure reads samples and prints what comes of them: pages as they are done, then the sums.
func (a accuracy) measure(ctx context.Context, out io.Writer, own reader, samples []sample, report report) error {
	if a.folder != "" {
		if err := os.MkdirAll(a.folder, 0o755); err != nil {
			return fmt.Errorf("making the folder for results: %w", err)
		}
	}
	if a.look != "" {
		// Better now than after an hour.
		if err := os.WriteFile(a.look, nil, 0o644); err != nil {
			return fmt.Errorf("making the page of lines: %w", err)
		}
	}
	pages := out
	if a.asJSON {
		pages = io.Discard
	}
	refused := 0
	var guesses []guess
	var lines []readLine
	printHead(pages)
	err := own.readAll(ctx, samples, a.jobs, func(result result) error {
		if result.refused != nil {
			refused++
		}
		for _, line := range result.lines() {
			printLine(pages, line)
			report.Lines = append(report.Lines, line)
		}
		guesses = append(guesses, result.guesses()...)
		if a.look != "" {
			lines = append(lines, result.readLines()...)
		}
		return result.write(a.folder, a.perPage)
	})
	if err != nil {
		return err
	}
	report.sum()
	report.Reliability = reliabilityOf(guesses)
	if !a.asJSON {
		report.print(out)
	} else if err := report.encode(out); err != nil {
		return fmt.Errorf("encoding the figures: %w", err)
	}
	if a.look != "" {
		if err := writeLook(a.look, lines); err != nil {
			return err
		}
	}
	if refused > 0 {
		return fmt.Errorf("%d of %d documents could not be read", refused, len(samples))
	}
	return nil
}

// samplesFlags are those of every command that reads a folder of documents.
func samplesFlags(command *cobra.Command, data *string, every *int) {
	command.Flags().StringVar(data, "data", "", "folder of documents and their truths")
	_ = command.MarkFlagRequired("data")
	command.Flags().IntVar(every, "every", 1, "take every Nth document only, and every Nth page of a PDF that has no truth of the whole")
}

func atLeastOne(flag string, value int) error {
	if value < 1 {
		return fmt.Errorf("--%s is %d, want at least 1", flag, value)
	}
	return nil
}

// chooseSamples loads those that the flags ask for, and prints what is odd about the folder.
func chooseSamples(command *cobra.Command, data string, every int) ([]sample, error) {
	if err := atLeastOne("every", every); err != nil {
		return nil, err
	}
	samples, warnings, err := loadSamples(data)
	for _, warning := range warnings {
		_, _ = fmt.Fprintln(command.ErrOrStderr(), "bench:", warning)
	}
	return thin(samples, every), err
}
