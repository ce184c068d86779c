package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
)

func meanCommand() *cobra.Command {
	var out string
	command := &cobra.Command{
		Use:   "mean TRAINEDDATA...",
		Short: "Make a network of the means of the weights of others",
		Long:  "Makes OUT, a network to go on from, of the means of the weights of states of one training, which have 8 bits.",
		Args:  cobra.MinimumNArgs(1),
		RunE:  func(_ *cobra.Command, paths []string) error { return makeMean(paths, out) },
	}
	command.Flags().StringVar(&out, "out", "", "file to write")
	return command
}

func makeMean(paths []string, out string) error {
	folder, err := os.MkdirTemp("", "khocr-mean-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(folder) }()
	part := filepath.Join(folder, "network.lstm") // the ending says which part
	recognisers := make([]*recogniser, len(paths))
	for i, path := range paths {
		if err := combine("-e", path, part); err != nil {
			return err
		}
		lstm, err := os.ReadFile(part)
		if err != nil {
			return err
		}
		if recognisers[i], err = readFloat(lstm); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	average, err := mean(recognisers)
	if err != nil {
		return fmt.Errorf("average %v: %w", paths, err)
	}
	return os.WriteFile(out, average.bytes(), 0o644)
}
