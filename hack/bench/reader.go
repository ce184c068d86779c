package main

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/openplp/khocr/internal/document"
	"github.com/openplp/khocr/internal/workerport"
	"github.com/openplp/khocr/worker"
)

const (
	// engineMemory in bytes is what a worker pod has by default for each of its cores.
	engineMemory = 1 << 30
	// pageSeconds bounds a page as in a pod.
	pageSeconds = 300
	// maxPages is beyond what anybody measures with.
	maxPages = 10_000
)

// reader reads documents as a worker does.
type reader struct {
	engine, model string
	correct       bool
}

func (r *reader) flags(command *cobra.Command) {
	command.Flags().StringVar(&r.engine, "engine", "bin/engine", "the engine's program")
	command.Flags().StringVar(&r.model, "model", "khocr", "trained data, as Tesseract names it")
	command.Flags().BoolVar(&r.correct, "correct", true, "mend what was recognised, as jobs ask for by default")
}

func (r *reader) check() error {
	if _, err := os.Stat(r.engine); err != nil {
		return fmt.Errorf("looking for the engine: %w: run `make build`, or name it with --engine", err)
	}
	return nil
}

// readAll reads samples, so many at the same time with one engine each, and hands out their results in order.
func (r *reader) readAll(ctx context.Context, samples []sample, jobs int, handOut func(result) error) error {
	ctx, cancel := context.WithCancel(ctx)
	var readings errgroup.Group
	defer func() {
		cancel()
		_ = readings.Wait()
	}()
	results := make([]chan result, len(samples))
	for i := range results {
		results[i] = make(chan result, 1)
	}
	var taken atomic.Int64
	for range jobs {
		readings.Go(func() error {
			for ctx.Err() == nil {
				i := int(taken.Add(1)) - 1
				if i >= len(samples) {
					break
				}
				results[i] <- r.read(ctx, samples[i], 1)
			}
			return nil
		})
	}
	for i := range samples {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case result := <-results[i]:
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err := handOut(result); err != nil {
				return err
			}
		}
	}
	return nil
}

// result is what became of a sample.
type result struct {
	sample
	read []readPage
	// refused says why the document could not be read; nil where it was.
	refused error
}

type readPage struct {
	*document.Page
	cost worker.Cost
}

// read a sample with so many engines.
func (r *reader) read(ctx context.Context, sample sample, engines int) result {
	result := result{sample: sample}
	folder, err := os.MkdirTemp("", "khocr-bench-")
	if err != nil {
		result.refused = fmt.Errorf("making a folder to work in: %w", err)
		return result
	}
	defer func() { _ = os.RemoveAll(folder) }()
	config := worker.Config{
		CPULimit: engines, MemoryLimit: int64(engines) * engineMemory,
		WorkDir: folder, Engine: r.engine,
		TessdataPrefix: cmp.Or(os.Getenv("TESSDATA_PREFIX"), filepath.Join(filepath.Dir(r.engine), "tessdata")),
	}
	ticket := workerport.Ticket{
		Mode: "auto", Correct: r.correct, Model: r.model, TrainedData: r.model,
		Pages: listOf(sample.only), MaxPages: maxPages, PageTimeoutSeconds: pageSeconds,
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})).With("document", sample.name)
	result.refused = worker.ReadLocal(ctx, config, ticket, sample.path, log, func(page *document.Page, cost worker.Cost) error {
		result.read = append(result.read, readPage{page, cost})
		return nil
	}, nil)
	return result
}

func listOf(pages []int) string {
	numbers := make([]string, len(pages))
	for i, page := range pages {
		numbers[i] = strconv.Itoa(page)
	}
	return strings.Join(numbers, ",")
}

// text of the whole document.
func (r result) text() string {
	texts := make([]string, len(r.read))
	for i, page := range r.read {
		texts[i] = page.Text
	}
	return strings.Join(texts, "\n")
}

// lines are the figures of the pages, in order, and of the whole document where it has a truth: with its only page, else on
// a line of its own. A truth that nothing was read for is compared with nothing. An empty truth of the whole is that of each
// page.
func (r result) lines() []line {
	var lines []line
	unread := maps.Clone(r.pages)
	for _, page := range r.read {
		line := line{
			Set: r.set(), Document: r.name, Page: page.Number, Source: string(page.Source), Reason: page.Reason,
			CPUSeconds: page.cost.CPU.Seconds(), PeakMemoryMB: float64(page.cost.PeakMemory) / 1e6,
		}
		if truth, ok := r.pages[page.Number]; ok || r.isBlank() {
			line.compare(truth, page.Text)
			delete(unread, page.Number)
		}
		lines = append(lines, line)
	}
	for _, number := range slices.Sorted(maps.Keys(unread)) {
		if r.only == nil || slices.Contains(r.only, number) {
			line := line{Set: r.set(), Document: r.name, Page: number}
			line.compare(unread[number], "")
			lines = append(lines, line)
		}
	}
	hasText := r.truth != nil && !r.isBlank()
	if !hasText && r.refused == nil {
		return lines
	}
	whole := line{Set: r.set(), Document: r.name}
	if hasText {
		whole.compare(*r.truth, r.text())
	}
	if r.refused != nil {
		whole.Refused = r.refused.Error()
	} else if len(lines) == 1 && lines[0].Score == nil {
		lines[0].Score = whole.Score
		return lines
	}
	return append(lines, whole)
}

// write the text into the folder, if there is one. A document that was read in part has no file of its own.
func (r result) write(folder string, perPage bool) error {
	if folder == "" {
		return nil
	}
	texts := make(map[string]string)
	if r.only == nil {
		texts[r.name+".txt"] = r.text()
	}
	if perPage && isPDF(r.path) {
		for _, page := range r.read {
			texts[fmt.Sprintf("%s-p%03d.txt", r.name, page.Number)] = page.Text
		}
	}
	for name, text := range texts {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text+"\n"), 0o644); err != nil {
			return fmt.Errorf("writing what was read: %w", err)
		}
	}
	return nil
}
