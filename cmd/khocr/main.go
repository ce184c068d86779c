// Command khocr is for people who use or run khocr.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
)

// version is set by the linker.
var version = "dev"

// Exit statuses besides 0.
const (
	exitFailed = 1 // what was asked for could not be done
	exitMisuse = 2 // what was asked for is not understood
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run is the whole program but for the process. It returns the exit status.
func run(arguments []string, in io.Reader, out, errs io.Writer) int {
	root := &cobra.Command{
		Use:           "khocr",
		Short:         "Khmer OCR on Kubernetes, from the command line",
		Version:       version,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.AddCommand(convertCommand(), keysCommand())
	root.SetArgs(arguments)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errs)

	command, err := root.ExecuteC()
	if err == nil {
		return 0
	}
	_, _ = fmt.Fprintf(errs, "khocr: %v\n", err)
	if errors.As(err, &failure{}) {
		return exitFailed
	}
	_, _ = fmt.Fprintf(errs, "%s --help tells what there is\n", command.CommandPath())
	return exitMisuse
}

// failure is an error of a command's own work, as opposed to one of its command line.
type failure struct{ error }

func (f failure) Unwrap() error { return f.error }

// group is a command that only has others below it.
func group(name, short string, commands ...*cobra.Command) *cobra.Command {
	command := &cobra.Command{Use: name, Short: short, Args: cobra.NoArgs, RunE: func(c *cobra.Command, _ []string) error { return c.Help() }}
	command.AddCommand(commands...)
	return command
}

// work is what a command does once its command line is understood.
func work(do func(*cobra.Command) error) func(*cobra.Command, []string) error {
	return func(command *cobra.Command, _ []string) error {
		if err := do(command); err != nil {
			return failure{err}
		}
		return nil
	}
}
