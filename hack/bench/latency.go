package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"
)

// latency compares the time from POST to COMPLETED with what the tesseract program takes on the same page's image, in
// turn, so that both meet the same machine.
func latency(ctx context.Context, p *platform, page string, rounds int) error {
	content, err := os.ReadFile(page)
	if err != nil {
		return err
	}
	image, remove, err := pageImage(ctx, page)
	if err != nil {
		return err
	}
	defer remove()
	var ours, peers, over []time.Duration
	for round := range rounds + 1 {
		platformTime, err := p.convert(ctx, filepath.Base(page), content)
		if err != nil {
			return err
		}
		peerTime, err := tesseract(ctx, image)
		if err != nil {
			return err
		}
		if round > 0 {
			ours, peers, over = append(ours, platformTime), append(peers, peerTime), append(over, platformTime-peerTime)
		}
	}
	fmt.Printf("One page, POST to COMPLETED, %d rounds\n", rounds)
	fmt.Printf("  %-44s min %s  median %s  max %s\n", "khocr", seconds(slices.Min(ours)), seconds(median(ours)), seconds(slices.Max(ours)))
	fmt.Printf("  %-44s min %s  median %s  max %s\n", "tesseract -l khm --psm 6, the same image", seconds(slices.Min(peers)), seconds(median(peers)), seconds(slices.Max(peers)))
	fmt.Printf("  %-44s min %s  median %s  max %s\n", "khocr beyond tesseract, round by round", seconds(slices.Min(over)), seconds(median(over)), seconds(slices.Max(over)))
	return nil
}

// pageImage takes the image that a scanned document's first page consists of.
func pageImage(ctx context.Context, page string) (image string, remove func(), err error) {
	folder, err := os.MkdirTemp("", "khocr-bench-")
	if err != nil {
		return "", nil, err
	}
	remove = func() { _ = os.RemoveAll(folder) }
	prefix := filepath.Join(folder, "page")
	extract := exec.CommandContext(ctx, "pdfimages", "-png", "-f", "1", "-l", "1", page, prefix)
	if output, err := extract.CombinedOutput(); err != nil {
		remove()
		return "", nil, fmt.Errorf("taking the page's image with pdfimages: %w: %s", err, output)
	}
	return prefix + "-000.png", remove, nil
}

func tesseract(ctx context.Context, image string) (time.Duration, error) {
	command := exec.CommandContext(ctx, "tesseract", image, "-", "-l", "khm", "--psm", "6")
	command.Env = append(os.Environ(), "OMP_THREAD_LIMIT=1")
	start := time.Now()
	if err := command.Run(); err != nil {
		return 0, fmt.Errorf("running tesseract: %w", err)
	}
	return time.Since(start), nil
}

func median(times []time.Duration) time.Duration {
	sorted := slices.Sorted(slices.Values(times))
	return (sorted[(len(sorted)-1)/2] + sorted[len(sorted)/2]) / 2
}

func seconds(d time.Duration) string { return fmt.Sprintf("%6.2f s", d.Seconds()) }
