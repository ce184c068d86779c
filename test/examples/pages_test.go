package examples

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/openplp/khocr/client"
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
	for _, want := range []string{`"status":"queued"`, "event: end", `"next_cursor"`, `"status":"DELETED"`, `"display_name"`} {
		if !strings.Contains(output, want) {
			t.Errorf("the commands print no %s:\n%s", want, output)
		}
	}
}
