package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/openplp/khocr/hack/localcluster/internal/cluster"
	"github.com/openplp/khocr/hack/localcluster/internal/forward"
	"github.com/openplp/khocr/hack/localcluster/internal/isolation"
)

func execCommand() *cobra.Command {
	var folder string
	cmd := &cobra.Command{
		Use:   "exec -- COMMAND...",
		Short: "Run a command in the cluster's network, as a process of its node",
		Long: "Run a command in the cluster's network and mount namespaces, as a process of its node:\n" +
			"pods reach it at the node's address. It ends with the cluster at the latest.",
		Args: cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, command []string) error {
			c, err := openCluster(folder)
			if err != nil {
				return err
			}
			return c.Enter(command)
		},
	}
	dirFlag(cmd, &folder)
	return cmd
}

// enterCommand is what this program starts every component with.
func enterCommand() *cobra.Command {
	return &cobra.Command{
		Use:    cluster.EnterVerb + " NAME -- COMMAND...",
		Hidden: true,
		Args:   cobra.MinimumNArgs(2),
		RunE: func(_ *cobra.Command, args []string) error {
			return isolation.Enter(isolation.Namespaces{Name: args[0]}, isolation.Cgroup{Name: args[0]}, args[1:])
		},
	}
}

// forwardCommand serves the listeners that it inherits.
func forwardCommand() *cobra.Command {
	return &cobra.Command{
		Use:    cluster.ForwarderVerb + " LISTEN=TARGET...",
		Hidden: true,
		Args:   cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, pairs []string) error {
			return serveForwards(cmd.Context(), pairs)
		},
	}
}

func serveForwards(ctx context.Context, pairs []string) error {
	group, ctx := errgroup.WithContext(ctx)
	for i, pair := range pairs {
		_, target, found := strings.Cut(pair, "=")
		if !found {
			return fmt.Errorf("forward %q: want LISTEN=TARGET", pair)
		}
		file := os.NewFile(uintptr(3+i), pair)
		listener, err := net.FileListener(file)
		if err != nil {
			return fmt.Errorf("inheriting the socket of %s: %w", pair, err)
		}
		file.Close()
		group.Go(func() error { return forward.Serve(ctx, listener, target) })
		context.AfterFunc(ctx, func() { listener.Close() })
	}
	if err := group.Wait(); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}
