// Command correction makes what internal/correct embeds, from texts and from pages that were recognised:
//
//	go run ./hack/correction ngrams WORDS.txt.gz TEXT... > internal/correct/ngrams.bin.gz
//	go run ./hack/correction confusions TRUTH_FOLDER READ_FOLDER > internal/correct/confusions.tsv
//
// The first counts over words and lines of text. The second compares texts of the same name, what is written and what was
// read.
package main

import (
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/openplp/khocr/internal/correct"
	"github.com/openplp/khocr/internal/khmer"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string, out io.Writer) error {
	switch {
	case len(args) > 2 && args[0] == "ngrams":
		return writeNgrams(args[1], args[2:], out)
	case len(args) == 3 && args[0] == "confusions":
		return writeConfusions(args[1], args[2], out)
	default:
		return errors.New("usage: correction ngrams WORDS.txt.gz TEXT... | correction confusions TRUTH_FOLDER READ_FOLDER")
	}
}

func writeNgrams(words string, texts []string, out io.Writer) error {
	var counts correct.Counts
	for i, name := range append([]string{words}, texts...) {
		if err := addLines(&counts, name, i == 0); err != nil {
			return fmt.Errorf("count %s: %w", name, err)
		}
	}
	return counts.Write(out)
}

func addLines(counts *correct.Counts, name string, packed bool) error {
	file, err := os.Open(name)
	if err != nil {
		return err
	}
	defer file.Close()
	var in io.Reader = file
	if packed {
		if in, err = gzip.NewReader(file); err != nil {
			return err
		}
	}
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		counts.Add(khmer.Order(lines.Text()))
	}
	return lines.Err()
}
