package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/spf13/cobra"
)

func speedCommand() *cobra.Command {
	var data string
	var every int
	var own reader
	command := &cobra.Command{
		Use:   "speed",
		Short: "Read documents in turns with other programs, and with one and two engines",
		Long: `Reads the images and PDFs of a folder as a worker does, then their pages with tesseract and, where it is installed, ocrmypdf:
document after document, so that all meet the same machine. Every program has one thread, and a page of 200 dpi that was made
before. Then one document of all the pages is read by one engine and by two. CPU seconds are those of all processes that a
program started.`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			samples, err := chooseSamples(command, data, every)
			if err != nil {
				return err
			}
			if err := own.check(); err != nil {
				return err
			}
			return measureSpeed(command.Context(), command.OutOrStdout(), own, samples)
		},
	}
	samplesFlags(command, &data, &every)
	own.flags(command)
	return command
}

func measureSpeed(ctx context.Context, out io.Writer, own reader, samples []sample) error {
	folder, err := os.MkdirTemp("", "khocr-bench-")
	if err != nil {
		return fmt.Errorf("making a folder for pages: %w", err)
	}
	defer func() { _ = os.RemoveAll(folder) }()
	if err := besidePeers(ctx, out, own, samples, folder); err != nil {
		return err
	}
	return onTwoCores(ctx, out, own, samples, folder)
}

// besidePeers reads each document with every program in turn.
func besidePeers(ctx context.Context, out io.Writer, own reader, samples []sample, folder string) error {
	peers, skipped, err := findPeers(ctx, folder)
	if err != nil {
		return err
	}
	pages, ours, theirs := 0, spent{}, make([]spent, len(peers))
	for _, sample := range samples {
		scans, err := scansOf(ctx, sample, folder)
		if err != nil {
			return err
		}
		read := 0
		err = ours.add(func() error {
			result := own.read(ctx, sample, 1)
			read = len(result.read)
			return result.refused
		})
		if err != nil {
			return fmt.Errorf("reading %s: %w", sample.path, err)
		}
		if read != len(scans) {
			return fmt.Errorf("%s has %d pages, of which other programs can be given %d: measure it as a PDF", sample.path, read, len(scans))
		}
		pages += read
		for i, peer := range peers {
			for _, scan := range scans {
				if err := theirs[i].add(func() error { return peer.recognize(ctx, scan) }); err != nil {
					return err
				}
			}
		}
		for _, scan := range scans {
			if err := os.Remove(scan.path); err != nil {
				return fmt.Errorf("removing a page: %w", err)
			}
		}
	}
	_, _ = fmt.Fprintf(out, "%d pages of %d documents, in turns, one thread each\n", pages, len(samples))
	_, _ = fmt.Fprintf(out, "  %-36s %10s %10s  %s\n", "", "CPU s/page", "s/page", "khocr's CPU to that")
	row := func(name string, took spent, ratio string) {
		n := float64(max(pages, 1))
		_, _ = fmt.Fprintf(out, "  %-36s %10.3f %10.3f  %s\n", name, took.cpu.Seconds()/n, took.wall.Seconds()/n, ratio)
	}
	row("khocr", ours, "")
	for i, peer := range peers {
		row(peer.name, theirs[i], fmt.Sprintf("%.3f", ours.cpu.Seconds()/theirs[i].cpu.Seconds()))
	}
	if skipped != "" {
		_, _ = fmt.Fprintln(out, " ", skipped)
	}
	return nil
}

// onTwoCores reads documents by one engine, by two, by two and by one: what changes slowly about the machine is the same for
// both. Images are bound to one document first, because a page is not divided between engines.
func onTwoCores(ctx context.Context, out io.Writer, own reader, samples []sample, folder string) error {
	var images []string
	var documents []sample
	for _, sample := range samples {
		if isPDF(sample.path) {
			documents = append(documents, sample)
		} else {
			images = append(images, sample.path)
		}
	}
	if len(images) > 0 {
		bound := sample{name: "images", path: filepath.Join(folder, "images.pdf")}
		if err := bind(images, bound.path); err != nil {
			return err
		}
		documents = append(documents, bound)
	}
	pages, one, two := 0, spent{}, spent{}
	for _, document := range documents {
		for turn, engines := range []int{1, 2, 2, 1} {
			total := &one
			if engines == 2 {
				total = &two
			}
			err := total.add(func() error {
				result := own.read(ctx, document, engines)
				if turn == 0 {
					pages += len(result.read)
				}
				return result.refused
			})
			if err != nil {
				return fmt.Errorf("reading %s: %w", document.path, err)
			}
		}
	}
	_, _ = fmt.Fprintf(out, "%d pages of %d documents, images bound to one, twice by one engine and twice by two\n", pages, len(documents))
	_, _ = fmt.Fprintf(out, "  %-36s %10s %10s\n", "", "CPU s", "s")
	_, _ = fmt.Fprintf(out, "  %-36s %10.2f %10.2f\n", "one engine", one.cpu.Seconds(), one.wall.Seconds())
	_, _ = fmt.Fprintf(out, "  %-36s %10.2f %10.2f  %.3f times as fast\n", "two engines", two.cpu.Seconds(), two.wall.Seconds(), one.wall.Seconds()/two.wall.Seconds())
	return nil
}

// spent is what programs took. Processor time is user and system time of all processes that were started and have ended.
type spent struct{ cpu, wall time.Duration }

// add what something takes. Nothing else may start processes meanwhile.
func (s *spent) add(do func() error) error {
	before, start := childrenTime(), time.Now()
	if err := do(); err != nil {
		return err
	}
	s.wall += time.Since(start)
	s.cpu += childrenTime() - before
	return nil
}

// childrenTime is what the kernel has counted for all children, and for theirs, that were waited for.
func childrenTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_CHILDREN, &usage); err != nil {
		panic(fmt.Sprintf("getrusage: %v", err)) // it has no way to fail with these arguments
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
