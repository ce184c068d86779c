package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/openplp/khocr/client"
	"github.com/openplp/khocr/internal/batch"
	"github.com/openplp/khocr/internal/document"
)

// fetching is what the command line says of a result.
type fetching struct {
	format, out string
	page        int
}

func (p *program) resultCommand() *cobra.Command {
	var asked fetching
	command := &cobra.Command{
		Use: "result JOB", Short: "Fetch the result of a job, in any format", Args: cobra.ExactArgs(1),
		Example: `  khocr result a1b2c3d4e5f6 --format text
  khocr result a1b2c3d4e5f6 --format docx --out letter.docx
  khocr result a1b2c3d4e5f6 --page 3`,
		RunE: p.online(func(ctx context.Context, platform *client.Client, jobs []string) error {
			return p.result(ctx, platform, jobs[0], asked)
		}),
	}
	flags := command.Flags()
	flags.StringVar(&asked.format, "format", "text", "`format`: json, text, docx, pdf, hocr, alto or markdown; of a page json or text")
	flags.StringVar(&asked.out, "out", "", "`file` to write it to (default standard output)")
	flags.IntVar(&asked.page, "page", 0, "one `page` alone, from 1, often before the job ends")
	completeFormats(command)
	return command
}

// binary formats are nothing for eyes.
var binary = []document.Format{document.FormatDocx, document.FormatPDF}

// spareEyes refuses to write those to standard output while that is a terminal.
func (p *program) spareEyes(format document.Format, toOutput bool) error {
	if toOutput && slices.Contains(binary, format) && isTerminal(p.out) {
		return p.fault(exitMisuse, sayTerminal, format)
	}
	return nil
}

// completeFormats has a shell offer the formats.
func completeFormats(command *cobra.Command) {
	var names []string
	for _, format := range document.Formats() {
		names = append(names, string(format))
	}
	complete(command, "format", names...)
}

// complete has a shell offer the values of a flag.
func complete(command *cobra.Command, flag string, values ...string) {
	if err := command.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)); err != nil {
		panic(err) // there is no such flag
	}
}

func (p *program) result(ctx context.Context, platform *client.Client, id string, asked fetching) error {
	format, err := document.ParseFormat(asked.format)
	if err != nil {
		return misuse(err)
	}
	if asked.page != 0 {
		return p.page(ctx, platform, id, format, asked)
	}
	if err := p.spareEyes(format, asked.out == ""); err != nil {
		return err
	}
	return p.deliver(asked.out, func(to io.Writer) error {
		_, err := ask(ctx, p, func() (any, error) {
			content, _, err := platform.Result(ctx, id, client.OutputFormat(format))
			if err != nil {
				return nil, err
			}
			defer content.Close()
			return nil, batch.Pour(to, content)
		})
		return err
	})
}

func (p *program) page(ctx context.Context, platform *client.Client, id string, format document.Format, asked fetching) error {
	if asked.page < 1 || format != document.FormatJSON && format != document.FormatText {
		return misuse(fmt.Errorf("--page takes a number from 1, and --format json or text"))
	}
	page, err := ask(ctx, p, func() (*client.Page, error) { return platform.Page(ctx, id, asked.page) })
	if err != nil {
		return err
	}
	return p.deliver(asked.out, func(to io.Writer) error {
		if format == document.FormatJSON {
			return writeJSON(to, page)
		}
		_, err := io.WriteString(to, page.Text+"\n")
		return err
	})
}

// deliver writes to a file that is there afterwards whole or not at all, or to standard output, a terminal escaped.
func (p *program) deliver(path string, write func(io.Writer) error) error {
	if path == "" {
		if !isTerminal(p.out) {
			return write(p.out)
		}
		var whole bytes.Buffer // a character must not be cut in two
		if err := write(&whole); err != nil {
			return err
		}
		_, err := printer{p.out}.Write(whole.Bytes())
		return err
	}
	// What is there stays, and is told before anything is fetched.
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return &batch.OccupiedError{Path: path}
	}
	reader, writer := io.Pipe()
	go func() { writer.CloseWithError(write(writer)) }()
	err := batch.Save(filepath.Dir(path), filepath.Base(path), reader, func() error { return nil })
	_ = reader.Close()
	return err
}

// printer shows on a terminal what it would obey as escapes, but for ends of lines and of pages.
type printer struct{ io.Writer }

func (p printer) Write(text []byte) (int, error) {
	var b strings.Builder
	for _, r := range string(text) {
		if r == '\n' || r == '\f' || r == '\t' {
			b.WriteRune(r)
			continue
		}
		b.WriteString(printable(string(r)))
	}
	if _, err := io.WriteString(p.Writer, b.String()); err != nil {
		return 0, err
	}
	return len(text), nil
}
