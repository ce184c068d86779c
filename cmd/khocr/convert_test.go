package main

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/apigateway/gatewaytest"
	"github.com/openplp/khocr/internal/batch"
)

// TestCommandLine runs khocr as a process against a gateway over a real API server.
func TestCommandLine(t *testing.T) {
	p := startPlatform(t)
	for name, test := range map[string]func(*testing.T, *platform){
		"a folder is converted once":                     testFolder,
		"a run that was killed is gone on with":          testKilled,
		"Ctrl-C stops it and says how to go on":          testInterrupted,
		"all slots are busy until the last document":     testSlots,
		"a document that fails does not stop the others": testOneFails,
		"the month ends in the middle":                   testQuota,
		"results that go at once":                        testGone,
		"documents whose results have one name":          testSameName,
		"a cancellation whose answer is lost":            testCancelLost,
		"statuses and what is said":                      testStatuses,
		"jobs, results and what there is":                testJobCommands,
		"where a key comes from":                         testKeys,
		"a connection that is lost":                      testLost,
		"an AI model reads":                              testAIModel,
		"on a terminal":                                  testTerminal,
		"results stay in their folder":                   testOutside,
		"as a plugin of kubectl":                         testPlugin,
	} {
		t.Run(name, func(t *testing.T) { test(t, p) })
	}
}

func testFolder(t *testing.T, platform *platform) {
	p := platform.person(t, "folder", 2)
	p.write("scans/a.pdf", "scans/b.pdf", "scans/ឆ្នាំ ២០២៦/c.PDF", "scans/notes.txt", "scans/.hidden/d.pdf")
	run := p.start("convert", "scans", "--format", "text", "--out", "results")
	if status := p.finish(run); status != 0 {
		t.Fatalf("status %d: %s", status, &run.errs)
	}
	p.has("results/a.txt", "a.pdf")
	p.has("results/b.txt", "b.pdf")
	p.has("results/ឆ្នាំ ២០២៦/c.txt", "c.PDF")
	if files := gatewaytest.Files(t, filepath.Join(p.folder, "results")); len(files) != 3 {
		t.Errorf("results %q", files)
	}
	if !strings.Contains(run.errs.String(), "3 done, 0 done before, 0 failed, 0 left") {
		t.Errorf("it said %s", &run.errs)
	}

	// A document again costs nothing, even where its result was lost, or in another format.
	if err := os.Remove(filepath.Join(p.folder, "results", "a.txt")); err != nil {
		t.Fatal(err)
	}
	if status, again := p.run("convert", "scans", "--format", "text", "--out", "results"); status != 0 || !strings.Contains(again.errs.String(), "1 done, 2 done before") {
		t.Errorf("status %d: %s", status, &again.errs)
	}
	p.has("results/a.txt", "a.pdf")
	if status, other := p.run("convert", "scans/*.pdf", "--format", "markdown"); status != 0 {
		t.Errorf("status %d: %s", status, &other.errs)
	}
	p.has("scans/a.md", "a.pdf")
	if jobs := p.Jobs(t, p.namespace()); len(jobs) != 3 {
		t.Errorf("%d jobs for three documents", len(jobs))
	}
	if status, one := p.run("convert", "scans/a.pdf", "--format", "text", "--out", "-"); status != 0 || one.out.String() != "អត្ថបទនៃ a.pdf\n" {
		t.Errorf("status %d, %q: %s", status, &one.out, &one.errs)
	}
	_, lines := p.run("convert", "scans", "--format", "text", "--out", "results", "--json")
	if got := lines.out.String(); strings.Count(got, `{"event":"kept",`) != 3 || !strings.Contains(got, `"event":"summary"`) || lines.errs.String() != "" && strings.Contains(lines.errs.String(), "a.pdf") {
		t.Errorf("as JSON:\n%s%s", got, &lines.errs)
	}
}

func testKilled(t *testing.T, platform *platform) {
	p := platform.person(t, "killed", 1)
	p.write("1.pdf", "2.pdf", "3.pdf", "4.pdf", "5.pdf")
	command := []string{"convert", ".", "--format", "text"}
	run := p.start(command...)
	first := p.awaitJobs(2)[0]
	p.complete(&first)
	name := strings.TrimSuffix(first.Spec.Source.Upload.FileName, ".pdf") + ".txt"
	gatewaytest.Eventually(t, "the first result is there", func() bool {
		_, err := os.Stat(filepath.Join(p.folder, name))
		return err == nil
	})
	before, err := os.Stat(filepath.Join(p.folder, name))
	if err != nil {
		t.Fatal(err)
	}
	if err := run.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	p.end(run)

	again := p.start(command...)
	if status := p.finish(again); status != 0 || !strings.Contains(again.errs.String(), "4 done, 1 done before, 0 failed, 0 left") {
		t.Fatalf("status %d: %s", status, &again.errs)
	}
	for i := 1; i <= 5; i++ {
		p.has(fmt.Sprintf("%d.txt", i), fmt.Sprintf("%d.pdf", i))
	}
	if jobs := p.Jobs(t, p.namespace()); len(jobs) != 5 {
		t.Errorf("%d jobs for five documents", len(jobs))
	}
	if after, err := os.Stat(filepath.Join(p.folder, name)); err != nil || !os.SameFile(before, after) {
		t.Errorf("what was done was fetched again: %v", err)
	}
}

func testInterrupted(t *testing.T, platform *platform) {
	p := platform.person(t, "interrupted", 1)
	p.write("a.pdf", "b.pdf", "it's c.pdf")
	run := p.start("convert", "a.pdf", "b.pdf", "it's c.pdf", "--format", "text")
	p.awaitJobs(batch.UnderWay(1))
	if err := run.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	status := p.end(run)
	said := run.errs.String()
	if status != exitInterrupted || !strings.Contains(said, "0 done, 0 done before, 0 failed, 3 left") ||
		!strings.Contains(said, `convert a.pdf b.pdf 'it'\''s c.pdf' --format text`) {
		t.Errorf("status %d: %s", status, said)
	}
	if status := p.finish(p.start("convert", "a.pdf", "b.pdf", "it's c.pdf", "--format", "text")); status != 0 {
		t.Errorf("status %d when it went on", status)
	}
	if jobs := p.Jobs(t, p.namespace()); len(jobs) != 3 {
		t.Errorf("%d jobs for three documents", len(jobs))
	}
}

// testSlots: whenever a job ends, as many as there are slots are under way or will be without another ending, until there are
// not that many documents left.
func testSlots(t *testing.T, platform *platform) {
	const slots, documents = 3, 9
	p := platform.person(t, "slots", slots)
	var names []string
	for i := range documents {
		names = append(names, fmt.Sprintf("%d.pdf", i))
	}
	p.write(names...)
	run := p.start("convert", ".", "--format", "text")
	for left := documents; left > 0; left-- {
		jobs := p.awaitJobs(min(slots, left))
		if len(jobs) > batch.UnderWay(slots) {
			t.Errorf("%d jobs under way with %d slots", len(jobs), slots)
		}
		p.complete(&jobs[0])
	}
	if status := p.end(run); status != 0 {
		t.Errorf("status %d: %s", status, &run.errs)
	}
}

func testOneFails(t *testing.T, platform *platform) {
	p := platform.person(t, "one-fails", 5)
	p.write("bad.pdf", "good.pdf", "there.pdf")
	for name, content := range map[string]string{"there.txt": "mine", "word.pdf": "PK no PDF", "large.pdf": "%PDF-" + strings.Repeat("x", gatewaytest.MaxFileBytes)} {
		if err := os.WriteFile(filepath.Join(p.folder, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	run := p.start("convert", ".", "--format", "text")
	for _, job := range p.awaitJobs(2) {
		if job.Spec.Source.Upload.FileName == "bad.pdf" {
			p.fail(&job, v1alpha1.ReasonInvalidDocument)
		}
	}
	status := p.finish(run)
	said := run.errs.String()
	if status != exitFailed || !strings.Contains(said, "1 done, 0 done before, 4 failed, 0 left") {
		t.Errorf("status %d: %s", status, said)
	}
	for _, want := range []string{"bad.pdf: failed: job", "The document is damaged", "Open it in a viewer and save it anew", "word.pdf: failed:", "neither PDF nor PNG, JPEG or TIFF", "there.txt is there already",
		"large.pdf: failed: 1.0 MB is more than the 1.0 MB that your plan takes", "It was not sent"} {
		if !strings.Contains(said, want) {
			t.Errorf("it did not say %q:\n%s", want, said)
		}
	}
	p.has("good.txt", "good.pdf")
	if mine, err := os.ReadFile(filepath.Join(p.folder, "there.txt")); err != nil || string(mine) != "mine" {
		t.Errorf("what was there is %q: %v", mine, err)
	}
	if status := p.finish(p.start("convert", "bad.pdf", "--format", "text")); status != 0 {
		t.Errorf("a failed document was not tried again: status %d", status)
	}
	p.has("bad.txt", "bad.pdf")
}

func testQuota(t *testing.T, platform *platform) {
	p := platform.person(t, "month", 1)
	p.write("1.pdf", "2.pdf", "3.pdf", "4.pdf")
	run := p.start("convert", ".", "--format", "text")
	jobs := p.awaitJobs(batch.UnderWay(1))
	p.useUp(100)
	for i := range jobs {
		p.complete(&jobs[i])
	}
	status := p.end(run)
	said := run.errs.String()
	if status != exitQuota || !strings.Contains(said, "2 done, 0 done before, 0 failed, 2 left") || !strings.Contains(said, "convert . --format text") ||
		!strings.Contains(said, "The month turns on ") {
		t.Errorf("status %d: %s", status, said)
	}
	p.useUp(0)
	if status := p.finish(p.start("convert", ".", "--format", "text")); status != 0 {
		t.Errorf("status %d in the next month", status)
	}
	p.has("4.txt", "4.pdf")
}

// testGone: where results are not kept, a document is begun anew once, and not charged without end.
func testGone(t *testing.T, platform *platform) {
	p := platform.person(t, "gone", 1)
	p.write("a.pdf")
	run := p.start("convert", "a.pdf", "--format", "text")
	gatewaytest.Eventually(t, "khocr ends, or goes on and on", func() bool {
		for _, job := range p.unended() {
			job.Status = v1alpha1.OcrJobStatus{Phase: v1alpha1.PhaseCompleted, Progress: 100, Pages: &v1alpha1.PageCounts{Total: 1, Done: 1, Recognized: 1},
				CompletionTime: &metav1.Time{Time: time.Now().AddDate(-1, 0, 0)}}
			p.UpdateStatus(t, &job)
		}
		return run.ended() || len(p.Jobs(t, p.namespace())) > 4
	})
	if jobs := p.Jobs(t, p.namespace()); len(jobs) > 2 {
		t.Fatalf("%d jobs for one document: %s", len(jobs), &run.errs)
	}
	if status := p.end(run); status != exitFailed || !strings.Contains(run.errs.String(), "Convert the document again") {
		t.Errorf("status %d: %s", status, &run.errs)
	}
}

// testSameName: nothing is sent where one result would stand in the way of another.
func testSameName(t *testing.T, platform *platform) {
	p := platform.person(t, "same-name", 2)
	p.write("2025/a.pdf", "2026/a.pdf")
	status, run := p.run("convert", "2025", "2026", "--format", "text", "--out", "results")
	if said := run.errs.String(); status != exitMisuse || !strings.Contains(said, "2025/a.pdf and 2026/a.pdf would both become results/a.") {
		t.Errorf("status %d: %s", status, said)
	}
	if jobs := p.Jobs(t, p.namespace()); len(jobs) != 0 {
		t.Errorf("%d jobs were made", len(jobs))
	}
}

// testCancelLost: asked again because its answer was lost, the platform must not delete what was finished.
func testCancelLost(t *testing.T, platform *platform) {
	p := platform.person(t, "cancel-lost", 1)
	p.write("a.pdf")
	if status, run := p.run("convert", "a.pdf", "--wait=false"); status != 0 {
		t.Fatalf("status %d: %s", status, &run.errs)
	}
	job := p.awaitJobs(1)[0]
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: p.address})
	proxy.ErrorLog = log.New(io.Discard, "", 0)
	proxy.ModifyResponse = func(answer *http.Response) error {
		if answer.Request.Method != http.MethodDelete || answer.StatusCode != http.StatusAccepted {
			return nil
		}
		for _, cancelled := range p.unended() {
			p.complete(&cancelled)
		}
		panic(http.ErrAbortHandler)
	}
	server := httptest.NewServer(proxy)
	defer server.Close()
	here := *p
	here.environment = append(append([]string{}, p.environment...), envURL+"="+server.URL)
	if status, run := here.run("cancel", job.Name); !strings.Contains(run.errs.String(), "trying again in") {
		t.Errorf("status %d: %s", status, &run.errs)
	}
	if status, run := p.run("result", job.Name); status != 0 {
		t.Errorf("the result: status %d: %s", status, &run.errs)
	}
}
