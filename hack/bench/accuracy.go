package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
)

func accuracyCommand() *cobra.Command {
	var data, out string
	var perPage, asJSON bool
	var every, jobs int
	var own reader
	command := &cobra.Command{
		Use:   "accuracy",
		Short: "Read documents whose text is known, and count the mistakes and the cost",
		Long: `Reads the images and PDFs of a folder as a worker does, with the engine of "make build" and without a cluster, and compares
the text with NAME.txt, the truth of a whole document, or NAME-pNNN.txt, that of page NNN of NAME.pdf. What has no truth is
read but not scored. A document that cannot be read counts as empty. The part of NAME before the first dash names the set
that it belongs to.`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			samples, err := chooseSamples(command, data, every)
			if err != nil {
				return err
			}
			if err := errors.Join(own.check(), atLeastOne("jobs", jobs)); err != nil {
				return err
			}
			if out != "" {
				if err := os.MkdirAll(out, 0o755); err != nil {
					return fmt.Errorf("making the folder for results: %w", err)
				}
			}
			return measureAccuracy(command, own, samples, accuracyOutput{
				report: report{Data: data, Model: own.model}, asJSON: asJSON, folder: out, perPage: perPage,
			}, jobs)
		},
	}
	samplesFlags(command, &data, &every)
	own.flags(command)
	flags := command.Flags()
	flags.BoolVar(&asJSON, "json", false, "print the figures as JSON")
	flags.StringVar(&out, "out", "", "folder to write what was read to, as NAME.txt")
	flags.BoolVar(&perPage, "per-page", false, "with --out, write each page of a PDF as NAME-pNNN.txt too")
	flags.IntVar(&jobs, "jobs", 1, "documents to read at the same time, by one engine each")
	return command
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

// accuracyOutput says where figures and texts go.
type accuracyOutput struct {
	report  report
	asJSON  bool
	folder  string
	perPage bool
}

func measureAccuracy(command *cobra.Command, own reader, samples []sample, output accuracyOutput, jobs int) error {
	lines := command.OutOrStdout()
	if output.asJSON {
		lines = io.Discard
	}
	refused := 0
	printHead(lines)
	err := own.readAll(command.Context(), samples, jobs, func(result result) error {
		if result.refused != nil {
			refused++
		}
		for _, line := range result.lines() {
			printLine(lines, line)
			output.report.Lines = append(output.report.Lines, line)
		}
		return result.write(output.folder, output.perPage)
	})
	if err != nil {
		return err
	}
	output.report.sum()
	if output.asJSON {
		err = output.report.encode(command.OutOrStdout())
	} else {
		output.report.print(lines)
	}
	if err == nil && refused > 0 {
		err = fmt.Errorf("%d of %d documents could not be read", refused, len(samples))
	}
	return err
}
