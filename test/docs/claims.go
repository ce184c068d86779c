package docs

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// House is what pages may speak of.
type House struct {
	root string
	// tests are the files of each test by its name, targets those of the Makefile.
	tests   map[string][]string
	targets map[string]bool
	// code is everything that gives flags, variables and metrics their names.
	code string
}

var target = regexp.MustCompile(`(?m)^([a-z0-9-]+):`)

// Look reads the repository.
func Look(root string) (*House, error) {
	house := &House{root: root, tests: map[string][]string{}, targets: map[string]bool{}}
	var code strings.Builder
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && path != root && (strings.HasPrefix(entry.Name(), ".") || slices.Contains([]string{"bin", "node_modules", "docs"}, entry.Name())):
			return filepath.SkipDir
		case !slices.Contains([]string{".go", ".sh", ".py", ".yaml", ".mjs", ".json"}, filepath.Ext(path)) && entry.Name() != "Makefile":
			return nil
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		code.Write(content)
		if entry.Name() == "Makefile" {
			for _, match := range target.FindAllStringSubmatch(string(content), -1) {
				house.targets[match[1]] = true
			}
		}
		if !strings.HasSuffix(path, "_test.go") {
			return nil
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), path, content, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, declaration := range parsed.Decls {
			if function, ok := declaration.(*ast.FuncDecl); ok && function.Recv == nil && strings.HasPrefix(function.Name.Name, "Test") {
				house.tests[function.Name.Name] = append(house.tests[function.Name.Name], path)
			}
		}
		return nil
	})
	house.code = code.String()
	return house, err
}

// Marks are what is wrong with what the page says of who runs its commands.
func (h *House) Marks(blocks []Block) (wrong []string) {
	for _, block := range blocks {
		switch {
		case block.IsShell() && block.Run == "" && block.NotRun == "":
			wrong = append(wrong, block.Where()+": put <!-- run: TestName --> or <!-- not run: reason --> on the line before this block")
		case block.Run != "" && len(h.tests[block.Run]) == 0:
			wrong = append(wrong, block.Where()+": there is no "+block.Run)
		case block.Run != "" && !h.reads(block.Run, block.Page):
			wrong = append(wrong, block.Where()+": the file of "+block.Run+" does not name "+filepath.Base(block.Page)+": it cannot run what stands there")
		}
	}
	return wrong
}

// reads tells whether the file of a test names a page.
func (h *House) reads(test, page string) bool {
	return slices.ContainsFunc(h.tests[test], func(path string) bool {
		content, err := os.ReadFile(path)
		return err == nil && strings.Contains(string(content), filepath.Base(page)+`"`)
	})
}

var (
	fenced   = regexp.MustCompile("(?ms)^```.*?^```$")
	span     = regexp.MustCompile("`([^`\n]+)`")
	link     = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading  = regexp.MustCompile(`(?m)^#+ +(.+)$`)
	make_    = regexp.MustCompile(`(?m)(?:^|[\s;&|"])make ((?:[A-Z_]+=\S+ )*)([a-z][a-z0-9-]*)`)
	flag     = regexp.MustCompile(`^--([a-z][a-z0-9-]+)`)
	path     = regexp.MustCompile(`(?:^|[\s"=(])((?:api|apigateway|client|cmd|config|controllers|docs|examples|hack|internal|test|worker)/[A-Za-z0-9_./*-]+)`)
	metric   = regexp.MustCompile(`\bkhocr_[a-z]+(?:_[a-z]+)+\b`)
	test     = regexp.MustCompile(`^(?:Test|Benchmark)[A-Z]\w*$`)
	variable = regexp.MustCompile(`\bKHOCR_[A-Z0-9_]+\b`)
)

// Links are the page's links that lead nowhere in the repository.
func (h *House) Links(page, content string) (wrong []string) {
	for _, match := range link.FindAllStringSubmatch(fenced.ReplaceAllString(content, ""), -1) {
		if strings.Contains(match[1], "://") || strings.HasPrefix(match[1], "mailto:") {
			continue
		}
		file, anchor, _ := strings.Cut(match[1], "#")
		other := page
		if file != "" {
			other = filepath.Join(filepath.Dir(page), file)
		}
		text, err := os.ReadFile(filepath.Join(h.root, other))
		if info, e := os.Stat(filepath.Join(h.root, other)); e != nil || (err != nil && !info.IsDir()) {
			wrong = append(wrong, page+": the link "+match[1]+" leads to no file")
			continue
		}
		if other == page {
			text = []byte(content)
		}
		if anchor != "" && !slices.Contains(anchors(string(text)), anchor) {
			wrong = append(wrong, page+": the link "+match[1]+" leads to no heading")
		}
	}
	return wrong
}

// anchors are what GitHub makes of the headings of a page.
func anchors(content string) (all []string) {
	for _, match := range heading.FindAllStringSubmatch(fenced.ReplaceAllString(content, ""), -1) {
		name := strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case strings.ContainsRune("`/:.,!?'\"()[]{}=&;+*", r):
				return -1
			}
			return r
		}, strings.ToLower(match[1]))
		all = append(all, name)
	}
	return all
}

// Names are the make targets, flags, tests, files, metrics and variables of the page that do not exist.
func (h *House) Names(page, content string) []string {
	wrong := map[string]bool{}
	miss := func(kind, name string) { wrong[page+": there is no "+kind+" "+name] = true }
	var typed []string
	for _, block := range fenced.FindAllString(content, -1) {
		language, _, _ := strings.Cut(strings.TrimPrefix(block, "```"), "\n")
		if (Block{Language: language}).IsShell() {
			typed = append(typed, block)
		}
	}
	for _, match := range span.FindAllStringSubmatch(fenced.ReplaceAllString(content, ""), -1) {
		typed = append(typed, match[1])
		if found := flag.FindStringSubmatch(match[1]); found != nil && !h.hasFlag(found[1]) {
			miss("flag", "--"+found[1])
		}
		if test.MatchString(match[1]) && !h.speaksOf("func "+match[1]+"(") {
			miss("test", match[1])
		}
	}
	for _, text := range typed {
		for _, match := range make_.FindAllStringSubmatch(text, -1) {
			if !h.targets[match[2]] {
				miss("make target", match[2])
			}
		}
		for _, match := range path.FindAllStringSubmatch(text, -1) {
			name := strings.TrimRight(match[1], ".")
			if found, err := filepath.Glob(filepath.Join(h.root, name)); err != nil || len(found) == 0 {
				miss("file", name)
			}
		}
		for _, name := range metric.FindAllString(text, -1) {
			if name != "khocr_your_key" && !h.speaksOf(name) {
				miss("metric", name)
			}
		}
	}
	for _, name := range variable.FindAllString(content, -1) {
		if !h.speaksOf(name) {
			miss("variable", name)
		}
	}
	return slices.Sorted(maps.Keys(wrong))
}

// hasFlag looks for a flag that a program of ours defines, or that a script of ours passes on.
func (h *House) hasFlag(name string) bool {
	return strings.Contains(h.code, `"`+name+`"`) || strings.Contains(h.code, "--"+name)
}

// speaksOf looks for a name; of a histogram the code does not say what its series end in.
func (h *House) speaksOf(name string) bool {
	for _, ending := range []string{"_bucket", "_sum", "_count"} {
		if bare, cut := strings.CutSuffix(name, ending); cut && strings.Contains(h.code, bare) {
			return true
		}
	}
	return strings.Contains(h.code, name)
}
