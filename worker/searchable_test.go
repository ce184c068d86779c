package worker

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"slices"
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
