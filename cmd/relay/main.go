// Command relay asks the endpoints of AI models for the gateway. It alone holds their keys.
package main

import (
	"context"
	"flag"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/go-logr/logr"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
)

// version is set by the linker.
var version = "dev"

func main() {
	log := slog.New(slog.NewJSONHandler(os.Stderr, nil))
	ctrl.SetLogger(logr.FromSlogHandler(log.Handler()))
	klog.SetSlogLogger(log)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()

	options := parseFlags(flag.CommandLine, os.Args[1:])
	log.Info("the relay begins", "version", version)
	if err := run(ctx, options, log); err != nil {
		log.Error("the relay ends", "err", err)
		os.Exit(1)
	}
}
