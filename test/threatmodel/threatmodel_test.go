// Package threatmodel holds docs/threat-model.md to the tests that it names.
package threatmodel

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const root = "../.."

// unproven stands in a row for an attack that no test makes.
const unproven = "not yet proven"

var (
	folderOrTest = regexp.MustCompile("`([a-z0-9/]+)`|\\b((?:Test|Fuzz)[A-Z]\\w*)")
	separator    = regexp.MustCompile(`^\|[-|]+\|$`)
)

// claim is a test that a row names.
type claim struct{ folder, test string }

// claims reads the tests that a cell names, each after the folder of its package.
func claims(cell string) []claim {
	var all []claim
	folder := ""
	for _, match := range folderOrTest.FindAllStringSubmatch(cell, -1) {
		if match[1] != "" {
			folder = match[1]
			continue
		}
		all = append(all, claim{folder, match[2]})
	}
	return all
}

func TestEveryRowNamesATestThatExists(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "docs/threat-model.md"))
	if err != nil {
		t.Fatal(err)
	}
	rows := 0
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "|") || separator.MatchString(line) || strings.HasPrefix(line, "| threat |") {
			continue
		}
		rows++
		cells := strings.Split(strings.Trim(line, "|"), "|")
		if len(cells) != 4 {
			t.Errorf("a row has %d cells, want threat, invariant, mitigation and test: %s", len(cells), line)
			continue
		}
		named := claims(cells[3])
		if len(named) == 0 && !strings.Contains(cells[3], unproven) {
			t.Errorf("a row names no test, and does not say that it is %s: %s", unproven, line)
		}
		for _, c := range named {
			if !exists(t, c) {
				t.Errorf("there is no %s in %s, which shall prove that this fails:%s", c.test, c.folder, cells[0])
			}
		}
	}
	if rows < 30 {
		t.Errorf("got %d rows: the document was not understood", rows)
	}
}

// exists looks for the test's function in the files of the folder.
func exists(t *testing.T, c claim) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, c.folder, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, declaration := range parsed.Decls {
			if function, ok := declaration.(*ast.FuncDecl); ok && function.Recv == nil && function.Name.Name == c.test {
				return true
			}
		}
	}
	return false
}

func TestWhatIsMissingIsNoticed(t *testing.T) {
	for _, c := range claims("`test/threatmodel` TestWhatIsMissingIsNoticed, TestThatNobodyWrote; `internal/nowhere` TestWhatIsMissingIsNoticed") {
		if want := c == (claim{"test/threatmodel", "TestWhatIsMissingIsNoticed"}); exists(t, c) != want {
			t.Errorf("%+v exists: %v, want %v", c, !want, want)
		}
	}
}
