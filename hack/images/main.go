// Command images makes the container images of khocr without Docker and without a registry.
//
//	images build --bin DIR --out DIR     one docker-archive tarball for each image, and their names in DIR/refs
//	images stage --bin DIR --rootfs DIR IMAGE     the root file system of one image as a folder
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/openplp/khocr/hack/images/internal/archive"
	"github.com/openplp/khocr/hack/images/internal/content"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "images:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) == 0 {
		return errors.New("want build or stage")
	}
	flags := flag.NewFlagSet(args[0], flag.ContinueOnError)
	place := content.Place{}
	flags.StringVar(&place.Bin, "bin", "bin", "folder of the compiled programs")
	flags.StringVar(&place.Checkout, "checkout", ".", "root of the repository")
	out := flags.String("out", ".local/images", "folder for the tarballs, with build")
	rootfs := flags.String("rootfs", "", "folder for the root file system, with stage")
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	switch {
	case args[0] == "build" && flags.NArg() == 0:
		return build(*out, place)
	case args[0] == "stage" && flags.NArg() == 1 && *rootfs != "":
		image, err := content.Of(flags.Arg(0), place)
		if err != nil {
			return err
		}
		return archive.Stage(*rootfs, image)
	default:
		return errors.New("want build [--bin DIR] [--out DIR], or stage --rootfs DIR IMAGE")
	}
}

// build writes every image, prints a table of them, and leaves their names in the file refs as lines IMAGE=REFERENCE.
func build(out string, place content.Place) error {
	if err := os.MkdirAll(out, 0o755); err != nil {
		return fmt.Errorf("making the folder for images: %w", err)
	}
	var refs strings.Builder
	for _, name := range content.Names() {
		image, err := content.Of(name, place)
		if err != nil {
			return fmt.Errorf("putting image %s together: %w", name, err)
		}
		written, err := archive.Write(filepath.Join(out, name+".tar"), runtime.GOARCH, image)
		if err != nil {
			return err
		}
		fmt.Printf("%-32s %4d MB\n", written.Reference, (written.Unpacked+1e6-1)/1e6)
		fmt.Fprintf(&refs, "%s=%s\n", name, written.Reference)
	}
	return os.WriteFile(filepath.Join(out, "refs"), []byte(refs.String()), 0o644)
}
