package examples

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/openplp/khocr/client"
	"github.com/openplp/khocr/internal/testenv"
	"github.com/openplp/khocr/test/docs"
)

// TestTutorial goes through the tutorial, in each language as it stands there.
func TestTutorial(t *testing.T) {
	s := open(t)
	var scripts []string
	for _, page := range []string{"tutorial.md", "tutorial.km.md"} {
		t.Run(page, func(t *testing.T) {
			here := s.at(t)
			script, err := docs.Commands(s.root, "docs/"+page, "TestTutorial")
			here.must(err)
			scripts = append(scripts, strings.ReplaceAll(script, "docs/"+page, ""))
			folder := t.TempDir()
			here.document(folder, "scan.pdf", "sample.pdf")
			output := here.run(folder, here.access(), "bash", "-euo", "pipefail", "-c", script)
			for _, want := range []string{`"status":"ok"`, "COMPLETED 100 %", "invalid_api_key", "កូដ API មិនត្រឹមត្រូវ", `"used": `, `"DELETED"`} {
				if !strings.Contains(output, want) {
					t.Errorf("the commands print no %s:\n%s", want, output)
				}
			}
			if text := here.textOfWord(filepath.Join(folder, "scan.docx")); !strings.Contains(text, phrase) {
				t.Errorf("the Word file has not %q: %s", phrase, text)
			}
			if _, err := os.Stat(filepath.Join(folder, "key.txt")); err == nil {
				t.Error("the key is left behind")
			}
		})
	}
	if commands := func(script string) (lines []string) {
		for line := range strings.Lines(script) {
			if !strings.HasPrefix(line, "echo '--- ") {
				lines = append(lines, line)
			}
		}
		return lines
	}; len(scripts) == 2 && strings.Join(commands(scripts[0]), "") != strings.Join(commands(scripts[1]), "") {
		t.Errorf("the commands are not the same in both languages:\n%s\n%s", scripts[0], scripts[1])
	}
}

// TestAPIPage runs the commands of the page that describes the API, each answered by a success, on a job that has ended.
func TestAPIPage(t *testing.T) {
	s := open(t)
	folder := t.TempDir()
	s.document(folder, "document.pdf", "native.pdf")
	api, err := client.New(s.url, s.key)
	s.must(err)
	file, err := os.Open(filepath.Join(folder, "document.pdf"))
	s.must(err)
	defer file.Close()
	accepted, err := api.Convert(t.Context(), "document.pdf", file, client.Submission{}, "")
	s.must(err)
	_, err = api.Wait(t.Context(), accepted.JobId)
	s.must(err)
	script, err := docs.Commands(s.root, "docs/api.md", "TestAPIPage")
	s.must(err)
	script = strings.NewReplacer("https://HOST", s.url, "khocr_your_key", s.key, "a1b2c3d4e5f6", accepted.JobId).Replace(script)
	output := s.run(folder, nil, "bash", "-euo", "pipefail", "-c", "curl() { command curl --fail-with-body --silent --show-error \"$@\"; }\n"+script)
	for _, want := range []string{`"status":"queued"`, "event: end", `"next_cursor"`, `"status":"DELETED"`, `"display_name"`, `"text":"ភ្នំពេញ"`} {
		if !strings.Contains(output, want) {
			t.Errorf("the commands print no %s:\n%s", want, output)
		}
	}
}

// TestContributorsPage runs the commands of the page for contributors.
func TestContributorsPage(t *testing.T) {
	const page = "docs/contributors.md"
	s := open(t)
	script, err := docs.Commands(s.root, page, "TestContributorsPage")
	s.must(err)
	programs := t.TempDir()
	s.must(os.Symlink(filepath.Join(os.Getenv("KUBEBUILDER_ASSETS"), "kubectl"), filepath.Join(programs, "kubectl")))
	output := s.run(s.root, []string{"KUBECONFIG=" + s.platform.Kubeconfig, "PATH=" + programs + ":" + os.Getenv("PATH")}, "bash", "-euo", "pipefail", "-c", script)
	if !strings.Contains(output, "ministry") || strings.Contains(output, "no tests to run") {
		t.Errorf("the commands print\n%s", output)
	}
	testenv.Await(t, "the gateway goes by the plan", func() bool {
		return strings.Contains(s.run(programs, s.access(), "bash", "-c", `curl --silent "$KHOCR_URL/api/v1/usage" --header "X-API-Key: $KHOCR_API_KEY"`), `"limit":1000000`)
	})
}

// TestAnotherEngine reads a document by the engine in the page for contributors.
func TestAnotherEngine(t *testing.T) {
	blocks, err := docs.Blocks("../..", "docs/contributors.md")
	if err != nil {
		t.Fatal(err)
	}
	var program string
	for _, block := range blocks {
		if block.Run == "TestAnotherEngine" {
			program += block.Text
		}
	}
	file := filepath.Join(t.TempDir(), "engine")
	if err := os.WriteFile(file, []byte(program), 0o700); err != nil {
		t.Fatal(err)
	}
	s := openWith(t, file)
	folder := t.TempDir()
	s.document(folder, "letter.pdf", "sample.pdf")
	s.run(folder, s.access(), filepath.Join(s.root, "examples/curl/convert.sh"), "letter.pdf")
	if text := s.textOfWord(filepath.Join(folder, "letter.docx")); !strings.Contains(text, "សួស្តី") {
		t.Errorf("the Word file has %q", text)
	}
}

// TestCommandLinePage converts what the page of the command line converts.
func TestCommandLinePage(t *testing.T) {
	s := open(t)
	script, err := docs.Commands(s.root, "docs/cli.md", "TestCommandLinePage")
	s.must(err)
	programs, folder := t.TempDir(), t.TempDir()
	s.run(s.root, nil, "go", "build", "-o", programs, "./cmd/khocr")
	s.must(os.Mkdir(filepath.Join(folder, "scans"), 0o700))
	s.document(folder, "letter.pdf", "native.pdf")
	s.document(folder, "scan.tiff", "pages3.tiff")
	s.document(folder, "scans/page.pdf", "sample.pdf")
	access := append(s.access(), "PATH="+programs+":"+os.Getenv("PATH"), "HOME="+folder, "XDG_STATE_HOME="+filepath.Join(folder, "state"))
	s.run(folder, access, "bash", "-euo", "pipefail", "-c", script)
	for _, result := range []string{"letter.json", "results/letter.docx", "texts/page.txt"} {
		if found, err := filepath.Glob(filepath.Join(folder, result)); err != nil || len(found) == 0 {
			t.Errorf("there is no %s", result)
		}
	}
}
