// Command corpus makes thousands of documents that are broken or mean harm and has each of them read as in a worker pod: see
// package test/corpus. It fails where the platform does not keep what it promises of one of them.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"

	"github.com/openplp/khocr/test/corpus"
)

// supervise is the argument by which this program runs itself as a supervisor.
const supervise = "supervise"

func main() {
	var err error
	if len(os.Args) == 2 && os.Args[1] == supervise {
		err = corpus.Supervise()
	} else {
		err = run()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "corpus:", err)
		os.Exit(1)
	}
}

func run() error {
	options := corpus.Options{Root: "."}
	limits := corpus.Limits{Cores: 2, Memory: 2 << 30, MaxPages: 5000}
	flag.IntVar(&options.Files, "files", 2000, "how many documents to make")
	flag.Uint64Var(&options.Seed, "seed", 1, "seed of those that are made by chance")
	flag.StringVar(&limits.Engine, "engine", "bin/engine", "the engine's program")
	seconds := flag.Int("page-seconds", 10, "how long a page may take")
	supervisors := flag.Int("supervisors", 2, "how many documents to read at the same time")
	flag.StringVar(&options.Only, "only", "", "read only documents whose name begins so")
	keep := flag.String("keep", ".local/corpus", "folder for the run's record and for what breaks a promise")
	goOn := flag.Bool("continue", false, "go on with the run in the folder that --keep names")
	report := flag.String("report", "", "file that gets the table between its marks")
	flag.Parse()
	limits.PageSeconds = int32(*seconds)
	limits.Tessdata = filepath.Join(filepath.Dir(limits.Engine), "tessdata")

	documents, err := corpus.Make(options)
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var sums corpus.Report
	record, err := corpus.OpenRecord(*keep, *goOn, sums.Add)
	if err != nil {
		return err
	}
	defer record.Close()
	var unrecorded error
	err = corpus.Run(ctx, record.Missing(documents), corpus.Program{Path: self, Arguments: []string{supervise}}, limits, *supervisors, *keep,
		func(seen corpus.Observation, breaches []string) {
			sums.Add(seen, breaches)
			unrecorded = errors.Join(unrecorded, record.Add(seen, breaches))
			fmt.Printf("%s: %s, %d pages, %.1f s, %.0f MB\n", seen.Document.Name, seen.Outcome(), len(seen.Answer.Pages), seen.Elapsed.Seconds(), float64(seen.Memory)/1e6)
			for _, breach := range breaches {
				fmt.Println("  BREACH:", breach)
			}
		})
	// Of a run that was interrupted, too.
	if err := errors.Join(err, unrecorded, sums.Write(os.Stdout)); err != nil {
		return err
	}
	if *report != "" {
		if err := put(*report, options, &sums); err != nil {
			return err
		}
	}
	if sums.Breaches() > 0 {
		return fmt.Errorf("%d breaches: the documents are in %s", sums.Breaches(), *keep)
	}
	return nil
}

// put the table into a file, between its marks.
func put(path string, options corpus.Options, sums *corpus.Report) error {
	content, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read the report: %w", err)
	}
	const begin, end = "<!-- corpus -->\n", "<!-- /corpus -->"
	before, rest, opened := strings.Cut(string(content), begin)
	_, after, closed := strings.Cut(rest, end)
	if !opened || !closed {
		return errors.New("write the report: there are no marks in " + path)
	}
	var table strings.Builder
	fmt.Fprintf(&table, "%d documents, of %d with the seed %d.\n\n", sums.Files(), options.Files, options.Seed)
	if err := sums.Write(&table); err != nil {
		return err
	}
	if err := os.WriteFile(path, []byte(before+begin+table.String()+end+after), 0o644); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}
