// Command bench measures the running platform from outside and prints what repeats on a noisy machine: CPU seconds,
// requests to the API server, peak memory, and times only beside those of a peer in the same run. It judges nothing.
//
// It reads KHOCR_URL, KHOCR_KEY_ENTERPRISE and KUBECONFIG from the environment, as `make demo` writes them, and runs on
// the machine of the local cluster, as root: the gateway's peak memory is read from the kernel.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, arguments []string) error {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	page := flags.String("page", "test/testdata/sample.pdf", "scanned one-page document")
	rounds := flags.Int("rounds", 10, "documents to measure, after one to warm up")
	uploads := flags.Int("uploads", 20, "uploads of 50 MB at once; 0 for none")
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	platform, err := fromEnvironment()
	if err != nil {
		return err
	}
	if err := latency(ctx, platform, *page, *rounds); err != nil {
		return fmt.Errorf("measuring the time of a document: %w", err)
	}
	if err := writes(ctx, platform, *page, *rounds); err != nil {
		return fmt.Errorf("counting the writes of a document: %w", err)
	}
	if *uploads > 0 {
		if err := memory(ctx, platform, *page, *uploads); err != nil {
			return fmt.Errorf("measuring the gateway's memory: %w", err)
		}
	}
	return nil
}

func fromEnvironment() (*platform, error) {
	p := &platform{url: os.Getenv("KHOCR_URL"), key: os.Getenv("KHOCR_KEY_ENTERPRISE"), kubeconfig: os.Getenv("KUBECONFIG")}
	if p.url == "" || p.key == "" || p.kubeconfig == "" {
		return nil, errors.New("KHOCR_URL, KHOCR_KEY_ENTERPRISE and KUBECONFIG must be set: run `make demo`, then `make bench`")
	}
	return p, p.connect()
}
