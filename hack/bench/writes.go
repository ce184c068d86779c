package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"time"

	"k8s.io/client-go/kubernetes"
)

// writeSample is the API server's own count of requests for OcrJobs.
var writeSample = regexp.MustCompile(`^apiserver_request_total\{(.*)\} ([0-9.e+]+)$`)

var label = regexp.MustCompile(`(\w+)="([^"]*)"`)

// writes counts the requests that changed, or tried to change, OcrJobs while short documents are converted one after the
// other, by the API server's metrics.
func writes(ctx context.Context, p *platform, page string, rounds int) error {
	content, err := os.ReadFile(page)
	if err != nil {
		return err
	}
	before, err := p.awaitQuiet(ctx)
	if err != nil {
		return err
	}
	for range rounds {
		if _, err := p.convert(ctx, filepath.Base(page), content); err != nil {
			return err
		}
	}
	after, err := p.awaitQuiet(ctx)
	if err != nil {
		return err
	}
	sum := 0.0
	fmt.Printf("Requests that write OcrJobs, per one-page document, %d documents\n", rounds)
	for _, kind := range slices.Sorted(maps.Keys(after)) {
		if each := (after[kind] - before[kind]) / float64(rounds); each > 0 {
			fmt.Printf("  %-44s %.1f\n", kind, each)
			sum += each
		}
	}
	fmt.Printf("  %-44s %.1f\n", "all", sum)
	return nil
}

// awaitQuiet waits until no OcrJob has been written for two seconds, and returns the counts so far.
func (p *platform) awaitQuiet(ctx context.Context) (map[string]float64, error) {
	last := map[string]float64{}
	for {
		current, err := p.writeCounts(ctx)
		if err != nil {
			return nil, err
		}
		if maps.Equal(last, current) {
			return current, nil
		}
		last = current
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(2 * time.Second):
		}
	}
}

// writeCounts are the counts by verb, subresource and status code.
func (p *platform) writeCounts(ctx context.Context) (map[string]float64, error) {
	return requestCounts(ctx, p.kube, func(labels map[string]string) string {
		if labels["resource"] != "ocrjobs" || slices.Contains([]string{"GET", "LIST", "WATCH"}, labels["verb"]) {
			return ""
		}
		return fmt.Sprintf("%s %s %s", labels["verb"], labels["subresource"], labels["code"])
	})
}

// requestCounts are the requests that the API server has counted, summed by the name that they are given; those without a
// name are left out.
func requestCounts(ctx context.Context, kube kubernetes.Interface, name func(labels map[string]string) string) (map[string]float64, error) {
	metrics, err := kube.CoreV1().RESTClient().Get().AbsPath("/metrics").DoRaw(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading the API server's metrics: %w", err)
	}
	counts := map[string]float64{}
	lines := bufio.NewScanner(bytes.NewReader(metrics))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		sample := writeSample.FindStringSubmatch(lines.Text())
		if sample == nil {
			continue
		}
		labels := map[string]string{}
		for _, pair := range label.FindAllStringSubmatch(sample[1], -1) {
			labels[pair[1]] = pair[2]
		}
		called := name(labels)
		if called == "" {
			continue
		}
		value, err := strconv.ParseFloat(sample[2], 64)
		if err != nil {
			return nil, fmt.Errorf("reading the count of %s: %w", called, err)
		}
		counts[called] += value
	}
	return counts, lines.Err()
}
