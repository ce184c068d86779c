package examples

import (
	"archive/zip"
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/client"
	"github.com/openplp/khocr/internal/document"
)

// phrase stands in sample.pdf, which is a scan.
const phrase = "សៀវភៅចាស់"

// examples are the programs by language, each as the words that run it.
func (s *site) examples(name string) map[string][]string {
	s.Helper()
	path := func(parts ...string) string { return filepath.Join(append([]string{s.root, "examples"}, parts...)...) }
	built := filepath.Join(s.TempDir(), name)
	s.run(s.root, nil, "go", "build", "-o", built, "./examples/go/"+name)
	all := map[string][]string{
		"curl":       {"bash", path("curl", name+".sh")},
		"Python":     {"/usr/bin/python3", path("python", name+".py")},
		"JavaScript": {"node", "--no-warnings", path("javascript", name+".mjs")},
		"Go":         {built},
	}
	for language, words := range all {
		if _, err := os.Stat(words[len(words)-1]); errors.Is(err, os.ErrNotExist) {
			delete(all, language)
		}
	}
	return all
}

func TestExamples(t *testing.T) {
	s := open(t)
	for language, words := range s.examples("folder") {
		t.Run("limits in "+language, func(t *testing.T) { s.at(t).meetsLimits(words) })
		t.Run("a break in "+language, func(t *testing.T) { s.at(t).goesOnAfterABreak(words) })
	}
	for name, check := range map[string]func(*site, []string){
		"convert": (*site).convertsOne, "folder": (*site).convertsAFolder, "pages": (*site).readsPageByPage, "webhook": (*site).isToldOfTheEnd,
	} {
		for language, words := range s.examples(name) {
			t.Run(name+" in "+language, func(t *testing.T) { check(s.at(t), words) })
		}
	}
}

func (s *site) convertsOne(words []string) {
	folder := s.TempDir()
	s.document(folder, "letter.pdf", "sample.pdf")
	output := s.run(folder, s.access(), words[0], append(words[1:], "letter.pdf")...)
	if !regexp.MustCompile(`^Job ID: [0-9a-f]{12}\nletter\.docx\nletter\.json\n$`).MatchString(output) {
		s.Errorf("it prints %q", output)
	}
	if text := s.textOfWord(filepath.Join(folder, "letter.docx")); !strings.Contains(text, phrase) {
		s.Errorf("the Word file has not %q: %s", phrase, text)
	}
	content, err := os.ReadFile(filepath.Join(folder, "letter.json"))
	s.must(err)
	var result client.Result
	s.must(json.Unmarshal(content, &result))
	if len(result.Pages) != 1 || result.Pages[0].Source != client.PageSource(document.SourceOCR) || !strings.Contains(result.Pages[0].Text, phrase) {
		s.Errorf("the result is %s", content)
	}

	s.Run("with a wrong key", func(t *testing.T) {
		here := s.at(t)
		_, complaints, err := here.try(folder, append(here.access(), "KHOCR_API_KEY=khocr_wrong"), words[0], append(words[1:], "letter.pdf")...)
		if err == nil || !strings.Contains(complaints, "invalid_api_key: ") || !strings.Contains(complaints, "កូដ API មិនត្រឹមត្រូវ") {
			t.Errorf("%v: it complains %q", err, complaints)
		}
	})
	s.Run("with a document that cannot be opened", func(t *testing.T) {
		here := s.at(t)
		here.document(folder, "locked.pdf", "password.pdf")
		_, complaints, err := here.try(folder, here.access(), words[0], append(words[1:], "locked.pdf")...)
		if err == nil || !strings.Contains(complaints, "ពាក្យសម្ងាត់") {
			t.Errorf("%v: it complains %q", err, complaints)
		}
	})
}

func (s *site) convertsAFolder(words []string) {
	folder := s.TempDir()
	for as, name := range map[string]string{"a letter, \"signed\";.pdf": "native.pdf", "broken.pdf": "not-a-pdf.txt", "locked.pdf": "password.pdf"} {
		s.document(folder, as, name)
		s.sign(filepath.Join(folder, as))
	}
	before := len(s.platform.Jobs(s, "khocr-acme"))
	convert := func() (output, complaints string) {
		output, complaints, err := s.try(folder, s.access(), words[0], append(words[1:], folder)...)
		if exit := new(exec.ExitError); !errors.As(err, &exit) || exit.ExitCode() != 1 {
			s.Fatalf("it ends with %v, want status 1\n%s%s", err, output, complaints)
		}
		return output, complaints
	}
	output, complaints := convert()
	result := filepath.Join(folder, "a letter, \"signed\";.docx")
	if output != result+"\n" {
		s.Errorf("it prints %q, want the one result", output)
	}
	for _, want := range []string{"broken.pdf", "invalid_file", "locked.pdf", "ពាក្យសម្ងាត់"} {
		if !strings.Contains(complaints, want) {
			s.Errorf("it does not complain of %q: %s", want, complaints)
		}
	}
	if _, err := zip.OpenReader(result); err != nil {
		s.Errorf("the result is no Word file: %v", err)
	}
	written, err := os.Stat(result)
	s.must(err)
	if again, _ := convert(); again != "" {
		s.Errorf("again it prints %q", again)
	}
	after, err := os.Stat(result)
	s.must(err)
	if !after.ModTime().Equal(written.ModTime()) {
		s.Error("again it has written what was there")
	}
	if made := len(s.platform.Jobs(s, "khocr-acme")) - before; made != 2 {
		s.Errorf("%d jobs were made, want one for each document that was taken", made)
	}
}

// meetsLimits hands two documents in for an organization that has one page left and no submission in this minute: the first waits
// for its turn, and the second is told that there are no pages, at once, not at the month's end.
func (s *site) meetsLimits(words []string) {
	s.join(fmt.Sprintf("limited-%d", time.Now().UnixNano()), func(spec *v1alpha1.OrganizationSpec) {
		spec.Overrides = &v1alpha1.LimitOverrides{RequestsPerMinute: new(int32(30)), PagesPerMonth: new(int64(1))}
	})
	for status := 0; status != http.StatusTooManyRequests; {
		request, err := http.NewRequestWithContext(s.Context(), http.MethodPost, s.url+"/api/v1/convert", strings.NewReader(""))
		s.must(err)
		request.Header.Set("X-API-Key", s.key)
		answer, err := http.DefaultClient.Do(request)
		s.must(err)
		_ = answer.Body.Close()
		status = answer.StatusCode
	}
	folder := s.TempDir()
	s.document(folder, "first.pdf", "native.pdf")
	s.run(folder, s.access(), words[0], append(words[1:], folder)...)
	if _, err := os.Stat(filepath.Join(folder, "first.docx")); err != nil {
		s.Fatalf("what had to wait for its turn has no result: %v", err)
	}
	s.document(folder, "second.pdf", "sample.pdf")
	output, complaints, err := s.try(folder, s.access(), words[0], append(words[1:], folder)...)
	if err == nil || output != "" || !strings.Contains(complaints, "page_quota_exceeded") || !strings.Contains(complaints, "អស់ចំនួនទំព័រ") {
		s.Errorf("%v: it prints %q and complains %q", err, output, complaints)
	}
}

// goesOnAfterABreak has the connection break in the middle of a result, once: what is left of it does not count as the result.
func (s *site) goesOnAfterABreak(words []string) {
	platform, err := url.Parse(s.url)
	s.must(err)
	proxy := httputil.NewSingleHostReverseProxy(platform)
	proxy.ErrorLog = log.New(io.Discard, "", 0)
	var broken atomic.Bool
	proxy.ModifyResponse = func(answer *http.Response) error {
		if strings.HasSuffix(answer.Request.URL.Path, "/result") && broken.CompareAndSwap(false, true) {
			answer.Body = io.NopCloser(io.MultiReader(io.LimitReader(answer.Body, 100), iotest.ErrReader(errors.New("it breaks"))))
		}
		return nil
	}
	server := httptest.NewServer(proxy)
	defer server.Close()
	folder := s.TempDir()
	s.document(folder, "a.pdf", "native.pdf")
	s.sign(filepath.Join(folder, "a.pdf"))
	access := append(s.access(), "KHOCR_URL="+server.URL)
	result := filepath.Join(folder, "a.docx")
	output, complaints, err := s.try(folder, access, words[0], append(words[1:], folder)...)
	if exit := new(exec.ExitError); !broken.Load() || !errors.As(err, &exit) || exit.ExitCode() != 1 || !strings.Contains(complaints, "a.pdf: ") {
		s.Errorf("%v: it prints %q and complains %q", err, output, complaints)
	}
	if _, err := os.Stat(result); !errors.Is(err, os.ErrNotExist) {
		s.Errorf("half a result stands as a whole one: %v", err)
	}
	s.run(folder, access, words[0], append(words[1:], folder)...)
	if _, err := zip.OpenReader(result); err != nil {
		s.Errorf("the result is no Word file: %v", err)
	}
}

// sign makes a document different from those of other tests, which would be the same submission.
func (s *site) sign(path string) {
	s.Helper()
	file, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	s.must(err)
	_, err = file.WriteString("\n% " + s.Name() + "\n")
	s.must(errors.Join(err, file.Close()))
}

func (s *site) readsPageByPage(words []string) {
	folder := s.TempDir()
	s.document(folder, "three.tiff", "pages3.tiff")
	output := s.run(folder, s.access(), words[0], append(words[1:], "three.tiff")...)
	if got := regexp.MustCompile(`(?m)^--- page (\d)$`).FindAllString(output, -1); strings.Join(got, " ") != "--- page 1 --- page 2 --- page 3" {
		s.Errorf("it prints the pages %q", got)
	}
	if len(output) < 200 {
		s.Errorf("it prints %q", output)
	}
	if _, complaints, err := s.try(folder, append(s.access(), "KHOCR_API_KEY=khocr_wrong"), words[0], append(words[1:], "three.tiff")...); err == nil ||
		!strings.Contains(complaints, "កូដ API មិនត្រឹមត្រូវ") {
		s.Errorf("with a wrong key %v: it complains %q", err, complaints)
	}
}

func (s *site) isToldOfTheEnd(words []string) {
	for _, nothing := range []string{"", "whsec_"} {
		_, complaints, err := s.try(s.TempDir(), append(s.access(), "KHOCR_WEBHOOK_SECRET="+nothing), words[0], append(words[1:], "127.0.0.1:0")...)
		if err == nil || !strings.Contains(complaints, "anybody could sign") {
			s.Errorf("with the secret %q: %v: it complains %q", nothing, err, complaints)
		}
	}
	address, next := s.listens(exec.CommandContext(s.Context(), words[0], append(words[1:], "127.0.0.1:0")...))

	forged, err := http.NewRequestWithContext(s.Context(), http.MethodPost, address, strings.NewReader(`{"type":"job.completed","data":{"id":"forged","status":"COMPLETED"}}`))
	s.must(err)
	forged.Header.Set("webhook-id", "msg_1")
	forged.Header.Set("webhook-timestamp", "1700000000")
	forged.Header.Set("webhook-signature", "v1,AAAA")
	answer, err := http.DefaultClient.Do(forged)
	s.must(err)
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusUnauthorized {
		s.Errorf("what nobody has signed is answered %d", answer.StatusCode)
	}

	platform, err := client.New(s.url, s.key)
	s.must(err)
	file, err := os.Open(filepath.Join(s.root, "test/testdata/native.pdf"))
	s.must(err)
	defer file.Close()
	accepted, err := platform.Convert(s.Context(), "native.pdf", file, client.Submission{CallbackUrl: &address}, "")
	s.must(err)
	if got, want := next(), "job.completed "+accepted.JobId+" COMPLETED"; got != want {
		s.Errorf("it says %q, want %q", got, want)
	}
}

// listens starts a server that ends with the test, and returns its address, and what gives the next line that it prints.
func (s *site) listens(command *exec.Cmd) (address string, next func() string) {
	s.Helper()
	command.Env = append(os.Environ(), s.access()...)
	command.Stderr = os.Stderr
	output, err := command.StdoutPipe()
	s.must(err)
	s.must(command.Start())
	s.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
	})
	lines := bufio.NewScanner(output)
	next = func() string {
		if !lines.Scan() {
			s.Fatalf("it says no more: %v", lines.Err())
		}
		return lines.Text()
	}
	address, found := strings.CutPrefix(next(), "listening at ")
	if !found {
		s.Fatalf("it does not say where it listens: %q", lines.Text())
	}
	return address, next
}

// textOfWord is the text of a Word file, without what only breaks its lines.
func (s *site) textOfWord(path string) string {
	s.Helper()
	archive, err := zip.OpenReader(path)
	s.must(err)
	defer archive.Close()
	part, err := archive.Open("word/document.xml")
	s.must(err)
	defer part.Close()
	content, err := io.ReadAll(part)
	s.must(err)
	return strings.ReplaceAll(regexp.MustCompile(`<[^>]*>`).ReplaceAllString(string(content), ""), "\u200b", "")
}
