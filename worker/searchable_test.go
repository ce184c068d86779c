package worker

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/internal/document"
	"github.com/openplp/khocr/internal/workerport"
	"github.com/openplp/khocr/worker/wire"
)

func TestTheSearchablePDFIsMadeOfTheResultsOfAllAttempts(t *testing.T) {
	p := newPod(t, script{Pages: 4, PageError: []int{2}})
	p.gateway.ticket.Stored = []workerport.StoredPage{{Number: 1, Outcome: recognized}, {Number: 4, Outcome: failed}}
	p.gateway.pages[1] = document.Page{Number: 1, Source: document.SourceOCR, Text: "earlier"}
	p.expect(t, workerport.ExitDone)
	// The test engine gives a page with an error a text as well.
	if got, want := p.gateway.searchable[workerport.Appendix], "1:earlier 2:auto script/Khmer 3:auto script/Khmer "; got != want {
		t.Errorf("searchable PDF = %q, want %q; log:\n%s", got, want, p.log)
	}
}

func TestTheLastPartMakesTheSearchablePDF(t *testing.T) {
	p := newPod(t, script{Pages: 5, PageError: []int{2}})
	p.gateway.ticket.Partition = &v1alpha1.Partition{PagesPerWorker: 2, MaxWorkers: 8}
	// In an order that is not that of the pages.
	for part, reported := range map[int32]v1alpha1.PageCounts{2: {Total: 5, Done: 2, Recognized: 2}, 0: {Total: 5, Done: 1, Recognized: 1}} {
		p.gateway.ticket.Part = part
		p.expect(t, workerport.ExitDone)
		if got := p.cluster.progress(); got[len(got)-1] != reported {
			t.Errorf("part %d reported %v, want %v at last", part, got, reported)
		}
		if len(p.gateway.searchable) != 0 {
			t.Fatalf("there is a searchable PDF before all pages are there: %v", p.gateway.searchable)
		}
	}
	p.gateway.ticket.Part = 1
	p.expect(t, workerport.ExitDone)
	// The test engine gives a page with an error a text as well.
	want := ""
	for page := 1; page <= 5; page++ {
		if p.asked(page) != 1 {
			t.Errorf("page %d was recognised %d times", page, p.asked(page))
		}
		want += strconv.Itoa(page) + ":auto script/Khmer "
	}
	if got := p.gateway.searchable[workerport.Appendix]; got != want {
		t.Errorf("searchable PDF = %q, want %q; log:\n%s", got, want, p.log)
	}
}

func TestAPartThatWasStoppedBeforeTheSearchablePDFMakesItInTheNextAttempt(t *testing.T) {
	p := newPod(t, script{Pages: 4})
	p.gateway.ticket.Part, p.gateway.ticket.Partition = 1, &v1alpha1.Partition{PagesPerWorker: 2, MaxWorkers: 8}
	for page := 1; page <= 4; page++ {
		p.gateway.pages[page] = document.Page{Number: page, Source: document.SourceOCR, Text: "earlier"}
	}
	p.gateway.ticket.Stored = []workerport.StoredPage{{Number: 3, Outcome: recognized}, {Number: 4, Outcome: failed}}
	p.expect(t, workerport.ExitDone)
	if got, want := p.gateway.searchable[workerport.Appendix], "1:earlier 2:earlier 3:earlier "; got != want {
		t.Errorf("searchable PDF = %q, want %q; log:\n%s", got, want, p.log)
	}
	if got, want := p.cluster.progress(), (v1alpha1.PageCounts{Total: 4, Done: 2, Recognized: 1, Failed: 1}); len(got) != 1 || got[0] != want {
		t.Errorf("progress = %v, want %v once", got, want)
	}
}

func TestAJobIsReportedDoneWhenItsSearchablePDFIsStored(t *testing.T) {
	p := newPod(t, script{Pages: 2, Gate: map[int]string{0: "go"}})
	exit := make(chan int)
	go func() { exit <- p.run(t.Context()) }()
	await(t, "the searchable PDF to be at work", func() bool { return slices.Contains(readDiary(p.config.WorkDir), "searchable") })
	for _, counts := range p.cluster.progress() {
		if counts.Done == counts.Total {
			t.Errorf("progress = %+v before there is a PDF", counts)
		}
	}
	if err := os.WriteFile(filepath.Join(p.config.WorkDir, "go"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := <-exit; got != workerport.ExitDone || p.gateway.searchable[workerport.Appendix] == "" {
		t.Errorf("exit code = %d, searchable PDF = %v", got, p.gateway.searchable)
	}
	if got := p.cluster.progress(); got[len(got)-1].Done != 2 {
		t.Errorf("progress = %v, want 2 done at last", got)
	}
}

func TestAWorkerThatIsToldToStopLeavesTheSearchablePDFToTheNext(t *testing.T) {
	p := newPod(t, script{Pages: 2, Gate: map[int]string{0: "go"}})
	ctx, stop := context.WithCancel(t.Context())
	exit := make(chan int)
	go func() { exit <- p.run(ctx) }()
	await(t, "the searchable PDF to be at work", func() bool { return slices.Contains(readDiary(p.config.WorkDir), "searchable") })
	stop()
	if got := <-exit; got != workerport.ExitTemporary || p.termination(t).Reason != reasonTerminated {
		t.Errorf("exit code = %d, termination = %+v", got, p.termination(t))
	}
	for _, counts := range p.cluster.progress() {
		if counts.Done == counts.Total {
			t.Errorf("progress = %+v without a PDF", counts)
		}
	}
	if err := os.WriteFile(filepath.Join(p.config.WorkDir, "go"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	p.gateway.ticket.Stored = []workerport.StoredPage{{Number: 1, Outcome: recognized}, {Number: 2, Outcome: recognized}}
	p.expect(t, workerport.ExitDone)
	if got, want := p.gateway.searchable[workerport.Appendix], "1:auto script/Khmer 2:auto script/Khmer "; got != want {
		t.Errorf("searchable PDF = %q, want %q", got, want)
	}
	if p.asked(1) != 1 || p.asked(2) != 1 {
		t.Error("a page was recognised twice")
	}
}

func TestASearchablePDFThatFailsCostsNothingElse(t *testing.T) {
	for name, test := range map[string]struct {
		document script
		refuse   func(*http.Request, int) (int, string)
		stored   bool
	}{
		"an engine that crashes once is replaced": {document: script{SearchableCrashes: 1}, stored: true},
		"engines that crash":                      {document: script{SearchableCrashes: 2}},
		"an engine that hangs":                    {document: script{Gate: map[int]string{0: "never"}}},
		"a document that has none":                {document: script{SearchableError: &wire.Error{Reason: "InvalidDocument", Message: "it cannot be"}}},
		"one that the gateway will not have": {refuse: func(r *http.Request, _ int) (int, string) {
			if strings.HasPrefix(r.URL.Path, "/internal/v1/searchable/") {
				return http.StatusRequestEntityTooLarge, "TooLarge"
			}
			return 0, ""
		}},
	} {
		t.Run(name, func(t *testing.T) {
			test.document.Pages = 1
			p := newPod(t, test.document)
			if test.document.Gate != nil {
				p.gateway.ticket.PageTimeoutSeconds = 1
			}
			if test.refuse != nil {
				p.gateway.refuse = test.refuse
			}
			p.expect(t, workerport.ExitDone)
			want := v1alpha1.PageCounts{Total: 1, Done: 1, Recognized: 1}
			if got := p.cluster.progress(); got[len(got)-1] != want {
				t.Errorf("progress = %v, want %v at last", got, want)
			}
			if _, stored := p.gateway.searchable[workerport.Appendix]; stored != test.stored {
				t.Errorf("searchable PDF = %v, want one: %v", p.gateway.searchable, test.stored)
			}
			if told := strings.Contains(p.log.String(), "There is no searchable PDF"); told == test.stored {
				t.Errorf("the log:\n%s", p.log)
			}
		})
	}
}
