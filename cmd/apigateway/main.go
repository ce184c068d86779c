// Command apigateway serves the public API and, to worker pods, the internal port.
//
//	apigateway [FLAG...]
//	apigateway backup [--store URL] >FILE     writes everything that khocr keeps, but for Secrets
//	apigateway restore [--store URL] <FILE    makes it again in an empty cluster
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

	if len(os.Args) > 1 && errands[os.Args[1]] != nil {
		if err := runErrand(ctx, os.Args[1:], os.Stdin, os.Stdout, log); err != nil {
			log.Error("it failed", "errand", os.Args[1], "err", err)
			os.Exit(1)
		}
		return
	}
	options := parseFlags(flag.CommandLine, os.Args[1:])
	if err := run(ctx, options, log); err != nil {
		log.Error("the gateway ends", "err", err)
		os.Exit(1)
	}
}
