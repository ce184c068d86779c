// Command bench measures khocr and prints what repeats on a noisy machine: mistakes, CPU seconds, requests to the API
// server, peak memory, and times only beside those of a peer in the same run. It judges nothing.
//
//	bench platform             the running platform from outside
//	bench large --data DIR     a large mixed document by one engine and by the platform
//	bench accuracy --data DIR  mistakes and cost on documents whose text is known
//	bench speed --data DIR     the same documents in turns with other programs, and with one and two engines
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := rootCommand().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:           "bench",
		Short:         "Measure khocr",
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.AddCommand(platformCommand(), largeCommand(), accuracyCommand(), speedCommand())
	return root
}
