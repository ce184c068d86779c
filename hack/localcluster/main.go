// Command localcluster runs a real Kubernetes on one Linux machine, out of one
// state folder, with neither a registry nor Docker. It is a tool for trials and
// tests. It must never be used for a cluster whose data matters, and never
// touches the host's network, its mounts or another cluster.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	// Where Debian keeps ip and iptables, and a plain user's path does not lead.
	_ = os.Setenv("PATH", os.Getenv("PATH")+":/usr/sbin:/sbin")
	if err := rootCommand().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "localcluster:", err)
		os.Exit(1)
	}
}
