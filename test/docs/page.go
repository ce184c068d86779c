// Package docs reads the pages in docs/, so that tests can run the commands in them and hold them to what there is. It is for tests
// only.
//
// The line before a shell block says what becomes of its commands:
//
//	<!-- run: TestName -->      a test of that name runs them as they stand
//	<!-- not run: reason -->    none does, and why
package docs

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// Block is a fenced block of a page.
type Block struct {
	Page     string
	Line     int
	Language string
	Text     string
	// Run is the test that runs the block, NotRun why none does.
	Run, NotRun string
}

// IsShell tells whether people would type the block.
func (b Block) IsShell() bool {
	return slices.Contains([]string{"sh", "bash", "shell", "console"}, b.Language)
}

// Where names the block's place for people.
func (b Block) Where() string { return fmt.Sprintf("%s:%d", b.Page, b.Line) }

var (
	runMark    = regexp.MustCompile(`^<!-- run: (Test\w+) -->$`)
	notRunMark = regexp.MustCompile(`^<!-- not run: (.+) -->$`)
)

// Blocks are the fenced blocks of a page, which is named by its path from the root of the repository.
func Blocks(root, page string) ([]Block, error) {
	content, err := os.ReadFile(filepath.Join(root, page))
	if err != nil {
		return nil, fmt.Errorf("read a page: %w", err)
	}
	return parse(page, string(content))
}

func parse(page, content string) ([]Block, error) {
	var all []Block
	var open *Block
	before := ""
	for i, line := range strings.Split(content, "\n") {
		language, fence := strings.CutPrefix(line, "```")
		switch {
		case open != nil && line == "```":
			all = append(all, *open)
			open, before = nil, ""
		case open != nil:
			open.Text += line + "\n"
		case fence:
			open = &Block{Page: page, Line: i + 1, Language: language}
			if match := runMark.FindStringSubmatch(before); match != nil {
				open.Run = match[1]
			}
			if match := notRunMark.FindStringSubmatch(before); match != nil {
				open.NotRun = match[1]
			}
		default:
			before = line
		}
	}
	if open != nil {
		return nil, fmt.Errorf("%s: the block has no end", open.Where())
	}
	return all, nil
}

// Commands are a shell script of the blocks of a page that the test runs. It says of each where it stands.
func Commands(root, page, test string) (string, error) {
	blocks, err := Blocks(root, page)
	if err != nil {
		return "", err
	}
	var script strings.Builder
	for _, block := range blocks {
		if block.Run == test && block.IsShell() {
			fmt.Fprintf(&script, "echo '--- %s' >&2\n%s", block.Where(), block.Text)
		}
	}
	if script.Len() == 0 {
		return "", fmt.Errorf("%s has no commands that %s runs", page, test)
	}
	return script.String(), nil
}
