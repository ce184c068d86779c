package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"

	"k8s.io/apimachinery/pkg/runtime"
	clientscheme "k8s.io/client-go/kubernetes/scheme"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/internal/backup"
	"github.com/openplp/khocr/internal/storage"
)

// errands are what the program does instead of serving, when the first argument names it.
var errands = map[string]func(context.Context, client.Client, *storage.Store, io.Reader, io.Writer) (backup.Sum, error){
	"backup": func(ctx context.Context, cluster client.Client, store *storage.Store, _ io.Reader, out io.Writer) (backup.Sum, error) {
		buffered := bufio.NewWriterSize(out, 1<<20)
		sum, err := backup.Take(ctx, cluster, store, buffered)
		if err != nil {
			return sum, err
		}
		return sum, buffered.Flush()
	},
	"restore": func(ctx context.Context, cluster client.Client, store *storage.Store, in io.Reader, _ io.Writer) (backup.Sum, error) {
		return backup.Restore(ctx, cluster, store, bufio.NewReaderSize(in, 1<<20))
	},
}

// runErrand backs up to standard output, or restores from standard input.
func runErrand(ctx context.Context, arguments []string, in io.Reader, out io.Writer, log *slog.Logger) error {
	flags := flag.NewFlagSet(arguments[0], flag.ExitOnError)
	address := flags.String("store", defaultStore, "URL of the blob store")
	_ = flags.Parse(arguments[1:])
	config, err := ctrl.GetConfig()
	if err != nil {
		return fmt.Errorf("find the cluster: %w", err)
	}
	config.QPS, config.Burst = clientQPS, clientBurst
	scheme := runtime.NewScheme()
	if err := errors.Join(clientscheme.AddToScheme(scheme), v1alpha1.AddToScheme(scheme)); err != nil {
		return fmt.Errorf("build the scheme: %w", err)
	}
	cluster, err := client.New(config, client.Options{Scheme: scheme})
	if err != nil {
		return fmt.Errorf("connect to the cluster: %w", err)
	}
	store, err := storage.Open(ctx, *address)
	if err != nil {
		return err
	}
	defer store.Close()
	sum, err := errands[arguments[0]](ctx, cluster, store, in, out)
	log.Info(arguments[0], "organizations", sum.Organizations, "jobs", sum.Jobs, "left out", sum.LeftOut, "stored", sum.Stored, "bytes", sum.Bytes)
	return err
}
