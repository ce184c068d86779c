package examples

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/net/websocket"

	"github.com/openplp/khocr/internal/testenv"
)

// tab is one of a Chromium, spoken to by the DevTools protocol.
type tab struct {
	*testing.T
	connection *websocket.Conn
	last       int
}

var devTools = regexp.MustCompile(`^DevTools listening on ws://([^/]+)/`)

// browse opens an address in a Chromium that ends with the test.
func (s *site) browse(address string) *tab {
	s.Helper()
	chromium := exec.CommandContext(s.Context(), "chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run",
		"--remote-debugging-port=0", "--remote-allow-origins=*", "--user-data-dir="+filepath.Join(s.TempDir(), "profile"), address)
	chromium.Env = append(os.Environ(), "HOME="+s.TempDir())
	complaints, err := chromium.StderrPipe()
	s.must(err)
	s.must(chromium.Start())
	s.Cleanup(func() {
		_ = chromium.Process.Kill()
		_ = chromium.Wait()
	})
	lines, host := bufio.NewScanner(complaints), ""
	for host == "" && lines.Scan() {
		if match := devTools.FindStringSubmatch(lines.Text()); match != nil {
			host = match[1]
		}
	}
	go func() { _, _ = io.Copy(io.Discard, complaints) }()
	var pages []struct{ Type, URL, WebSocketDebuggerURL string }
	testenv.Await(s, "Chromium shows "+address, func() bool {
		answer, err := http.Get("http://" + host + "/json/list")
		s.must(err)
		defer answer.Body.Close()
		s.must(json.NewDecoder(answer.Body).Decode(&pages))
		return len(pages) > 0 && strings.HasPrefix(pages[0].URL, address)
	})
	connection, err := websocket.Dial(pages[0].WebSocketDebuggerURL, "", "http://"+host)
	s.must(err)
	connection.MaxPayloadBytes = 16 << 20
	s.Cleanup(func() { _ = connection.Close() })
	return &tab{T: s.T, connection: connection}
}

// call calls a method of the protocol.
func (b *tab) call(method string, parameters map[string]any) json.RawMessage {
	b.Helper()
	b.last++
	if err := websocket.JSON.Send(b.connection, map[string]any{"id": b.last, "method": method, "params": parameters}); err != nil {
		b.Fatal(err)
	}
	for {
		var answer struct {
			ID            int
			Result, Error json.RawMessage
		}
		if err := websocket.JSON.Receive(b.connection, &answer); err != nil {
			b.Fatal(err)
		}
		if answer.ID == b.last {
			if answer.Error != nil {
				b.Fatalf("%s: %s", method, answer.Error)
			}
			return answer.Result
		}
	}
}

// says is the value of an expression that is a text.
func (b *tab) says(expression string) string {
	b.Helper()
	var evaluated struct{ Result struct{ Value string } }
	if err := json.Unmarshal(b.call("Runtime.evaluate", map[string]any{"expression": expression}), &evaluated); err != nil {
		b.Fatal(err)
	}
	return evaluated.Result.Value
}

// choose puts a file into a control of the page.
func (b *tab) choose(selector, path string) {
	b.Helper()
	var found struct{ Result struct{ ObjectID string } }
	expression := fmt.Sprintf("document.querySelector(%q)", selector)
	if err := json.Unmarshal(b.call("Runtime.evaluate", map[string]any{"expression": expression}), &found); err != nil {
		b.Fatal(err)
	}
	b.call("DOM.setFileInputFiles", map[string]any{"objectId": found.Result.ObjectID, "files": []string{path}})
}

// TestBrowserExample uses the example's page in a browser.
func TestBrowserExample(t *testing.T) {
	s := open(t)
	if _, err := exec.LookPath("chromium"); err != nil {
		t.Fatal("there is no chromium: make packages")
	}
	command := exec.CommandContext(t.Context(), "node", filepath.Join(s.root, "examples/javascript/browser/server.mjs"), "127.0.0.1:0")
	address, _ := s.listens(command)
	browser := s.browse(address + "/")

	folder := t.TempDir()
	s.document(folder, "letter.pdf", "sample.pdf")
	testenv.Await(t, "the page is there", func() bool {
		return browser.says("document.getElementById('file') && document.readyState") == "complete"
	})
	browser.choose("#file", filepath.Join(folder, "letter.pdf"))
	testenv.Await(t, "the result can be fetched", func() bool { return browser.says("document.querySelector('#status a')?.href ?? ''") != "" })
	answer, err := http.Get(browser.says("document.querySelector('#status a').href"))
	s.must(err)
	defer answer.Body.Close()
	content, err := io.ReadAll(answer.Body)
	s.must(err)
	result := filepath.Join(folder, "letter.docx")
	s.must(os.WriteFile(result, content, 0o600))
	if text := s.textOfWord(result); !strings.Contains(text, phrase) {
		t.Errorf("the Word file has not %q: %s", phrase, text)
	}
	if bar := browser.says("document.getElementById('progress').value.toString()"); bar != "100" {
		t.Errorf("the bar stands at %s", bar)
	}

	s.document(folder, "broken.pdf", "not-a-pdf.txt")
	browser.choose("#file", filepath.Join(folder, "broken.pdf"))
	testenv.Await(t, "the refusal is told in Khmer", func() bool {
		return strings.Contains(browser.says("document.getElementById('status').textContent"), "ឯកសារ")
	})
	foreign, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address+"/convert", strings.NewReader(""))
	s.must(err)
	foreign.Header.Set("Sec-Fetch-Site", "cross-site")
	refused, err := http.DefaultClient.Do(foreign)
	s.must(err)
	_ = refused.Body.Close()
	if refused.StatusCode != http.StatusForbidden {
		t.Errorf("a page of another site is answered %d", refused.StatusCode)
	}
	for _, path := range []string{"/usage", "/jobs", "/jobs/000000000000", "/../usage"} {
		answer, err := http.Get(address + path)
		s.must(err)
		_ = answer.Body.Close()
		if answer.StatusCode != http.StatusNotFound {
			t.Errorf("%s is answered %d: it is handed on", path, answer.StatusCode)
		}
	}
}
