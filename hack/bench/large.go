package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/openplp/khocr/internal/document"
)

// firstPages is among how many of a document's pages that which is done first is looked for: the workers of further parts
// begin later.
const firstPages = 4

// availableInterval is how often they are asked for, within the rate of reads of the plan.
const availableInterval = 50 * time.Millisecond

func largeCommand() *cobra.Command {
	var own reader
	var data string
	var pages int
	command := &cobra.Command{
		Use:   "large",
		Short: "Have a large mixed document read by one engine and by the running platform",
		Long: `Puts a document together of the PDFs and images found below a folder, kinds in turns, with qpdf; reads it with one engine of
"make build" alone, and then submits it to the platform. Reads KHOCR_URL, KHOCR_KEY_ENTERPRISE and KUBECONFIG from the environment,
as "make demo" writes them, and runs on the machine of the local cluster: what the worker pods take is read from the kernel.`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			if err := errors.Join(own.check(), atLeastOne("pages", pages)); err != nil {
				return err
			}
			platform, err := fromEnvironment()
			if err != nil {
				return err
			}
			return measureLarge(command.Context(), command.OutOrStdout(), own, platform, data, pages)
		},
	}
	own.flags(command)
	command.Flags().StringVar(&data, "data", "", "folder of documents, with those of its folders")
	_ = command.MarkFlagRequired("data")
	command.Flags().IntVar(&pages, "pages", 500, "pages of the document")
	return command
}

func measureLarge(ctx context.Context, out io.Writer, own reader, p *platform, data string, pages int) error {
	folder, err := os.MkdirTemp("", "khocr-bench-")
	if err != nil {
		return fmt.Errorf("making a folder for the document: %w", err)
	}
	defer func() { _ = os.RemoveAll(folder) }()
	path := filepath.Join(folder, "large.pdf")
	kinds, err := mix(ctx, data, pages, folder, path)
	if err != nil {
		return err
	}
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintf(out, "A document of %d pages of %d kinds in turns, %.1f MB\n", pages, kinds, float64(info.Size())/1e6)

	var alone spent
	var local result
	err = alone.add(func() error {
		local = own.read(ctx, sample{name: "large", path: path}, 1)
		return local.refused
	})
	if err != nil {
		return fmt.Errorf("reading the document with one engine: %w", err)
	}
	distributed, err := p.large(ctx, path)
	if err != nil {
		return err
	}
	distributed.print(out, local, alone)
	return nil
}

// largeRun is how the platform read a document.
type largeRun struct {
	// first is the time until a page could be fetched, and whole until the job was completed.
	first, whole time.Duration
	workers      *workers
	pages        []document.Page
}

// large submits a document, and watches how it is read.
func (p *platform) large(ctx context.Context, path string) (*largeRun, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("opening the document: %w", err)
	}
	defer func() { _ = file.Close() }()
	start := time.Now()
	id, err := p.submit(ctx, filepath.Base(path), file)
	if err != nil {
		return nil, fmt.Errorf("submitting the document: %w", err)
	}
	watching, stop := context.WithCancel(ctx)
	defer stop()
	var run largeRun
	var watchError error
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		run.workers, watchError = p.watch(watching, id)
	}()
	if run.first, err = p.awaitPage(ctx, id, start); err != nil {
		return nil, err
	}
	if run.whole, err = p.await(ctx, id, start); err != nil {
		return nil, err
	}
	stop()
	<-watched
	if watchError != nil {
		return nil, watchError
	}
	var result struct {
		Pages []document.Page `json:"pages"`
	}
	if err := p.call(ctx, http.MethodGet, "/api/v1/jobs/"+id+"/result?format=json", nil, "", http.StatusOK, &result); err != nil {
		return nil, err
	}
	run.pages = result.Pages
	return &run, nil
}

// awaitPage waits until one of the first pages of a job can be fetched, and returns the time that took.
func (p *platform) awaitPage(ctx context.Context, id string, start time.Time) (time.Duration, error) {
	for {
		for number := range firstPages {
			var page json.RawMessage
			err := p.call(ctx, http.MethodGet, fmt.Sprintf("/api/v1/jobs/%s/pages/%d", id, number+1), nil, "", http.StatusOK, &page)
			var refused *refusal
			switch {
			case err == nil:
				return time.Since(start), nil
			case !errors.As(err, &refused) || refused.status != http.StatusConflict:
				return 0, err
			}
		}
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-time.After(availableInterval):
		}
	}
}

// print the run beside what one engine alone made of the document.
func (r *largeRun) print(out io.Writer, local result, alone spent) {
	line := func(what, format string, values ...any) {
		_, _ = fmt.Fprintf(out, "  %-44s %s\n", what, fmt.Sprintf(format, values...))
	}
	pages := float64(len(r.pages))
	one, all := float64(len(local.read))/alone.wall.Seconds(), pages/r.whole.Seconds()
	process, pod := r.workers.peaks()
	line("first page available after", "%.2f s", r.first.Seconds())
	line("all of them, POST to COMPLETED, after", "%.1f s", r.whole.Seconds())
	line("pages a second", "%.3f, one engine alone %.3f: %.2f times", all, one, all/one)
	line("pages a second, from the first page on", "%.3f", (pages-1)/(r.whole-r.first).Seconds())
	line("CPU seconds a page", "%.3f, one engine alone %.3f", r.workers.cpu().Seconds()/pages, alone.cpu.Seconds()/float64(len(local.read)))
	line("worker pods", "%d; at the same time %.1f, at most %d",
		len(r.workers.pods), float64(r.workers.running)/float64(max(r.workers.looks, 1)), r.workers.most)
	line("peak memory of an engine, of a pod", "%.0f MB, %.0f MB", process, pod)

	_, _ = fmt.Fprintf(out, "\n  %-36s %6s %10s %18s\n", "", "pages", "s/page", "alone, CPU s/page")
	sources := bySource(r.pages, local.read)
	for _, source := range slices.SortedFunc(maps.Keys(sources), cmp.Compare) {
		sum := sources[source]
		_, _ = fmt.Fprintf(out, "  %-36s %6d %10s %18s\n", source, sum.pages, mean(sum.seconds, sum.pages), mean(sum.cpu.Seconds(), sum.read))
	}
}

// sourceSum is about the pages of one source, or with one error.
type sourceSum struct {
	pages int
	// seconds that they took in the workers.
	seconds float64
	// CPU time that they took with one engine alone, and how many of them there were then.
	cpu  time.Duration
	read int
}

func mean(sum float64, pages int) string {
	if pages == 0 {
		return "-"
	}
	return fmt.Sprintf("%.3f", sum/float64(pages))
}

// bySource sums pages up by where their text is from and why, and by their errors.
func bySource(pages []document.Page, alone []readPage) map[string]*sourceSum {
	sums := make(map[string]*sourceSum)
	of := func(page *document.Page) *sourceSum {
		name := string(page.Source) + " " + page.Reason
		if page.Error != nil {
			name = "error " + page.Error.Code
		}
		if sums[name] == nil {
			sums[name] = new(sourceSum)
		}
		return sums[name]
	}
	for i := range pages {
		sum := of(&pages[i])
		sum.pages++
		sum.seconds += float64(pages[i].Milliseconds) / 1000
	}
	for _, page := range alone {
		sum := of(page.Page)
		sum.read++
		sum.cpu += page.cost.CPU
	}
	return sums
}
