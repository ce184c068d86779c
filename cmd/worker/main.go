// Command worker processes one document in a pod of its own. It takes no flags: the pod's environment and files are those
// of package workerport, and the engine's binary lies beside its own.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"syscall"

	"k8s.io/client-go/rest"

	"github.com/openplp/khocr/internal/workerport"
	"github.com/openplp/khocr/worker"
)

func main() {
	log := slog.New(slog.NewJSONHandler(os.Stderr, nil))
	config, err := configure()
	if err != nil {
		os.Exit(worker.Fail(workerport.TerminationFile, err, log))
	}
	debug.SetMemoryLimit(config.SoftMemoryLimit())
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	os.Exit(worker.Run(ctx, config, log))
}

func configure() (worker.Config, error) {
	config, err := worker.FromEnvironment(os.Getenv)
	if err != nil {
		return config, fmt.Errorf("read environment: %w", err)
	}
	if config.Cluster, err = rest.InClusterConfig(); err != nil {
		return config, fmt.Errorf("read service account: %w", err)
	}
	executable, err := os.Executable()
	if err != nil {
		return config, fmt.Errorf("find the engine: %w", err)
	}
	config.Engine = filepath.Join(filepath.Dir(executable), "engine")
	return config, nil
}
