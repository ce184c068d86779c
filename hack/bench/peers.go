package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// peer is another program that recognises pages.
type peer struct {
	// name has what it is told to do.
	name string
	// command that recognises one page.
	command func(ctx context.Context, page scan) *exec.Cmd
}

// findPeers finds out what is there to compare with; skipped says what is not. Results go to the folder.
func findPeers(ctx context.Context, folder string) (peers []peer, skipped string, err error) {
	script, err := scriptModel(ctx)
	if err != nil {
		return nil, "", err
	}
	languages := func(page scan) string {
		if page.latin {
			return "khm+eng"
		}
		return script
	}
	result := filepath.Join(folder, "result")
	peers = append(peers, peer{
		name: "tesseract --psm 6",
		command: func(ctx context.Context, page scan) *exec.Cmd {
			return exec.CommandContext(ctx, "tesseract", page.path, result, "-l", languages(page), "--psm", "6", "--dpi", strconv.Itoa(page.dpi))
		},
	})
	if _, err := exec.LookPath("ocrmypdf"); err != nil {
		return peers, "ocrmypdf is not installed, so it is left out", nil
	}
	return append(peers, peer{
		name: "ocrmypdf --optimize 0 --jobs 1",
		command: func(ctx context.Context, page scan) *exec.Cmd {
			return exec.CommandContext(ctx, "ocrmypdf", "--output-type", "pdf", "--optimize", "0", "--jobs", "1",
				"-l", languages(page), "--image-dpi", strconv.Itoa(page.dpi), page.path, result+".pdf")
		},
	}), "", nil
}

// scriptModel is how the tesseract program names the model of the Khmer script: Debian lays it beside the languages, upstream
// in a folder.
func scriptModel(ctx context.Context) (string, error) {
	output, err := exec.CommandContext(ctx, "tesseract", "--list-langs").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("asking tesseract for its models: %w: %s", err, output)
	}
	models := strings.Fields(string(output))
	for _, name := range []string{"script/Khmer", "Khmer"} {
		if slices.Contains(models, name) {
			return name, nil
		}
	}
	return "", errors.New("tesseract has no model of the Khmer script: install tesseract-ocr-script-khmr")
}

// recognize a page, with one thread, as our engine has.
func (p peer) recognize(ctx context.Context, page scan) error {
	command := p.command(ctx, page)
	command.Env = append(os.Environ(), "OMP_THREAD_LIMIT=1")
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("running %s: %w: %s", p.name, err, output)
	}
	return nil
}
