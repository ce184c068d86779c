package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/openplp/khocr/internal/seal"
)

// awaitKey waits until a file holds the platform's key.
func awaitKey(ctx context.Context, file string, log *slog.Logger) (*seal.Key, error) {
	var key *seal.Key
	told := false
	err := wait.PollUntilContextCancel(ctx, time.Second, true, func(context.Context) (bool, error) {
		secret, err := os.ReadFile(file)
		if err == nil {
			key, err = seal.NewKey(secret)
		}
		if err != nil && !told {
			log.InfoContext(ctx, "waiting for the platform's key", "file", file, "err", err)
			told = true
		}
		return err == nil, nil
	})
	if err != nil {
		return nil, fmt.Errorf("wait for the platform's key: %w", err)
	}
	return key, nil
}
