// Command train prepares what Tesseract's trainer needs to make khocr's recogniser. The steps are put together by train.sh.
//
//	train base   a network to begin with, of numbers with a point, and the characters that it shall tell apart
//	train lines  lines cut out of pages as the engine cuts them, with their texts
//	train limon  the Limon fonts of PDFs, and what prints a syllable in them
//	train mean   a network of the means of the weights of others
package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"
)

func main() {
	root := &cobra.Command{Use: "train", Short: "Prepare the training of a recogniser", SilenceErrors: true, SilenceUsage: true}
	root.AddCommand(baseCommand(), linesCommand(), limonCommand(), meanCommand())
	if err := root.Execute(); err != nil {
		fmt.Fprintln(os.Stderr, "train:", err)
		os.Exit(1)
	}
}
