package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// uploadSize is the size of one upload, just below the contract's limit.
const uploadSize = 50<<20 - 4096

var peak = regexp.MustCompile(`VmHWM:\s+(\d+) kB`)

// memory uploads many large documents at once and prints the gateway's peak of resident memory before and after. What
// follows the document's end mark is padding, which costs the worker nothing.
func memory(ctx context.Context, p *platform, page string, uploads int) error {
	content, err := os.ReadFile(page)
	if err != nil {
		return err
	}
	pid, err := p.gatewayPID(ctx)
	if err != nil {
		return err
	}
	before, err := peakMemory(pid)
	if err != nil {
		return err
	}
	start := time.Now()
	ids := make([]string, uploads)
	group, groupCtx := errgroup.WithContext(ctx)
	for i := range uploads {
		group.Go(func() error {
			padded := io.MultiReader(bytes.NewReader(content), io.LimitReader(spaces{}, uploadSize-int64(len(content))))
			id, err := p.submit(groupCtx, filepath.Base(page), padded)
			ids[i] = id
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	took := time.Since(start)
	after, err := peakMemory(pid)
	if err != nil {
		return err
	}
	fmt.Printf("%d uploads of 50 MB at once\n", uploads)
	fmt.Printf("  %-44s %.0f MB before, %.0f MB after\n", "gateway, peak resident memory (VmHWM)", before, after)
	fmt.Printf("  %-44s %.1f MB/s\n", "accepted, stored and synced", float64(uploads)*uploadSize/1e6/took.Seconds())
	for _, id := range ids {
		if _, err := p.await(ctx, id, start); err != nil {
			return err
		}
	}
	fmt.Printf("  %-44s %s\n", "all of them completed after", seconds(time.Since(start)))
	return nil
}

// gatewayPID finds the gateway's process in its pod.
func (p *platform) gatewayPID(ctx context.Context) (int, error) {
	pods, err := p.kube.CoreV1().Pods("khocr-system").List(ctx, metav1.ListOptions{LabelSelector: "app.kubernetes.io/component=gateway"})
	if err != nil {
		return 0, fmt.Errorf("listing the gateway's pods: %w", err)
	}
	if len(pods.Items) != 1 {
		return 0, fmt.Errorf("%d gateway pods run, want one", len(pods.Items))
	}
	processes, err := readProcesses()
	if err != nil {
		return 0, err
	}
	for _, process := range processes.of(pods.Items[0].UID) {
		if name, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", process)); strings.TrimSpace(string(name)) == "apigateway" {
			return process, nil
		}
	}
	return 0, fmt.Errorf("no gateway of pod %s runs on this machine", pods.Items[0].UID)
}

// peakMemory of a process in megabytes.
func peakMemory(pid int) (float64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	found := peak.FindSubmatch(status)
	if found == nil {
		return 0, fmt.Errorf("the kernel tells no peak memory of process %d", pid)
	}
	kilobytes, err := strconv.ParseFloat(string(found[1]), 64)
	return kilobytes * 1024 / 1e6, err
}

// spaces is an endless run of spaces.
type spaces struct{}

func (spaces) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}
