package docs

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const root = "../.."

// TestPagesSpeakOfWhatThereIs holds README.md, those of the examples and all pages in docs/ to the repository.
func TestPagesSpeakOfWhatThereIs(t *testing.T) {
	house, err := Look(root)
	if err != nil {
		t.Fatal(err)
	}
	pages := []string{"README.md"}
	for _, pattern := range []string{"docs/*.md", "examples/*.md"} {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil || len(found) == 0 {
			t.Fatalf("there are no pages %s: %v", pattern, err)
		}
		for _, path := range found {
			pages = append(pages, strings.TrimPrefix(path, root+"/"))
		}
	}
	for _, page := range pages {
		t.Run(page, func(t *testing.T) {
			content, err := os.ReadFile(filepath.Join(root, page))
			if err != nil {
				t.Fatal(err)
			}
			blocks, err := Blocks(root, page)
			if err != nil {
				t.Fatal(err)
			}
			for _, wrong := range slices.Concat(house.Marks(blocks), house.Links(page, string(content)), house.Names(page, string(content))) {
				t.Error(wrong)
			}
		})
	}
}

func TestWhatIsMissingIsNoticed(t *testing.T) {
	house := &House{
		root: root, tests: map[string][]string{"TestThere": {"docs_test.go"}}, targets: map[string]bool{"demo": true},
		code: `flags.String("store", "") os.Getenv("KHOCR_URL") "khocr_pages_read_seconds"`,
	}
	const page = "docs/api.md"
	const good = "# One page\n\n[here](#one-page) [there](decisions.md) [away](https://example.com/x)\n`make demo` and `A=1 make demo`, `--store`, `config/crd`, " +
		"`khocr_pages_read_seconds_bucket`, `khocr_your_key`, KHOCR_URL\n\n<!-- not run: it is an example -->\n```sh\nmake demo\n```\n```json\n{\"make\": \"nothing at all\"}\n```\n"
	for name, test := range map[string]struct{ content, want string }{
		"nothing":             {good, ""},
		"no mark":             {"```sh\ntrue\n```\n", "docs/api.md:1: put <!-- run: TestName --> or <!-- not run: reason -->"},
		"an empty reason":     {"<!-- not run:  -->\n```sh\ntrue\n```\n", "docs/api.md:2: put"},
		"a mark further up":   {"<!-- not run: so -->\n\ntext\n```sh\ntrue\n```\n", "docs/api.md:4: put"},
		"no such test":        {"<!-- run: TestThatNobodyWrote -->\n```sh\ntrue\n```\n", "docs/api.md:2: there is no TestThatNobodyWrote"},
		"no file":             {"[x](nowhere.md)", "the link nowhere.md leads to no file"},
		"no heading":          {"[x](#nowhere)", "the link #nowhere leads to no heading"},
		"no target":           {"run `make nothing`", "there is no make target nothing"},
		"no target in blocks": {"<!-- not run: so -->\n```sh\nA=1 make nothing\n```\n", "there is no make target nothing"},
		"no flag":             {"`--nothing=1`", "there is no flag --nothing"},
		"no test named":       {"as `TestThatNobodyWrote` shows", "there is no test TestThatNobodyWrote"},
		"no path":             {"`config/nothing/x.yaml`", "there is no file config/nothing/x.yaml"},
		"no metric":           {"`khocr_no_such_total`", "there is no metric khocr_no_such_total"},
		"no variable":         {"set KHOCR_NOTHING", "there is no variable KHOCR_NOTHING"},
	} {
		t.Run(name, func(t *testing.T) {
			blocks, err := parse(page, test.content)
			if err != nil {
				t.Fatal(err)
			}
			got := strings.Join(slices.Concat(house.Marks(blocks), house.Links(page, test.content), house.Names(page, test.content)), "\n")
			if (test.want == "") != (got == "") || !strings.Contains(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
	if _, err := parse(page, "```sh\ntrue\n"); err == nil {
		t.Error("a block without an end is taken")
	}
	other := []Block{{Page: "docs/never-named" + "-here.md", Line: 1, Language: "sh", Run: "TestThere"}}
	if got := house.Marks(other); len(got) != 1 {
		t.Errorf("a test that does not name the page: %q", got)
	}
}

func TestCommandsAreThoseOfTheTest(t *testing.T) {
	folder := t.TempDir()
	page := "<!-- run: TestOne -->\n```sh\necho one\n```\n<!-- run: TestTwo -->\n```sh\necho two\n```\n<!-- run: TestOne -->\n```python\nprint()\n```\n"
	if err := os.WriteFile(filepath.Join(folder, "page.md"), []byte(page), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := Commands(folder, "page.md", "TestOne")
	if want := "echo '--- page.md:2' >&2\necho one\n"; err != nil || got != want {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
	if _, err := Commands(folder, "page.md", "TestThree"); err == nil {
		t.Error("a test without commands runs nothing, and does not say so")
	}
}
