package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"
)

func platformCommand() *cobra.Command {
	var page string
	var rounds, uploads int
	command := &cobra.Command{
		Use:   "platform",
		Short: "Measure the running platform from outside",
		Long: `Reads KHOCR_URL, KHOCR_KEY_ENTERPRISE and KUBECONFIG from the environment, as "make demo" writes them. Runs on the machine
of the local cluster, as root: the gateway's peak memory is read from the kernel.`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			return measurePlatform(command.Context(), page, rounds, uploads)
		},
	}
	flags := command.Flags()
	flags.StringVar(&page, "page", "test/testdata/sample.pdf", "scanned one-page document")
	flags.IntVar(&rounds, "rounds", 10, "documents to measure, after one to warm up")
	flags.IntVar(&uploads, "uploads", 20, "uploads of 50 MB at once; 0 for none")
	return command
}

func measurePlatform(ctx context.Context, page string, rounds, uploads int) error {
	platform, err := fromEnvironment()
	if err != nil {
		return err
	}
	if err := latency(ctx, platform, page, rounds); err != nil {
		return fmt.Errorf("measuring the time of a document: %w", err)
	}
	if err := writes(ctx, platform, page, rounds); err != nil {
		return fmt.Errorf("counting the writes of a document: %w", err)
	}
	if uploads > 0 {
		if err := memory(ctx, platform, page, uploads); err != nil {
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
