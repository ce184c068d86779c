package worker

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/openplp/khocr/internal/workerport"
)

func TestAWorkerThatIsToldToStopFinishesThePageAtWork(t *testing.T) {
	p := newPod(t, script{Pages: 3, Gate: map[int]string{2: "go"}})
	p.config.CPULimit = 1
	ctx, stop := context.WithCancel(t.Context())
	exit := make(chan int)
	go func() { exit <- p.run(ctx) }()
	await(t, "page 2 to be at work", func() bool { return p.asked(2) == 1 })
	stop()
	if err := os.WriteFile(filepath.Join(p.config.WorkDir, "go"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := <-exit; got != workerport.ExitTemporary {
		t.Errorf("exit code = %d, want %d", got, workerport.ExitTemporary)
	}
	if got := pagesOf(p.gateway.outcomes()); !slices.Equal(got, []int{1, 2}) || p.asked(3) != 0 {
		t.Errorf("stored pages = %v, want 1, 2 and page 3 not begun", got)
	}
	if got := p.cluster.progress(); got[len(got)-1].Done != 2 {
		t.Errorf("progress = %v, want 2 done at last", got)
	}
	if got := p.termination(t).Reason; got != reasonTerminated {
		t.Errorf("reason = %s, want %s", got, reasonTerminated)
	}
}

func TestAWorkerThatIsToldToStopDoesNotWaitForASlowPage(t *testing.T) {
	p := newPod(t, script{Pages: 2, Hang: []int{1}})
	ctx, stop := context.WithCancel(t.Context())
	exit := make(chan int)
	go func() { exit <- p.run(ctx) }()
	await(t, "both pages to be at work", func() bool { return p.asked(1) == 1 && len(p.gateway.outcomes()) == 1 })
	stop()
	if got := <-exit; got != workerport.ExitTemporary || len(p.gateway.outcomes()) != 1 {
		t.Errorf("exit code = %d with %v stored, want %d and page 2", got, p.gateway.outcomes(), workerport.ExitTemporary)
	}
}

func TestAJobThatHasEndedEndsTheWorker(t *testing.T) {
	for name, path := range map[string]string{
		"before it began":                     workerport.PathTicket,
		"while a page was stored":             workerport.PagePath(1),
		"while the searchable PDF was stored": workerport.SearchablePath(workerport.Appendix),
	} {
		t.Run(name, func(t *testing.T) {
			p := newPod(t, script{Pages: 1})
			p.gateway.refuse = func(r *http.Request, _ int) (int, string) {
				if r.URL.Path == path {
					return http.StatusGone, "JobEnded"
				}
				return 0, ""
			}
			p.expect(t, workerport.ExitTemporary)
			if got := p.termination(t).Reason; got != reasonJobEnded {
				t.Errorf("reason = %s, want %s", got, reasonJobEnded)
			}
			if strings.Contains(p.log.String(), `"level":"ERROR"`) {
				t.Errorf("the end of a job is logged as an error:\n%s", p.log)
			}
		})
	}
}

func TestAnEngineThatCannotRunIsNotTheDocumentsFault(t *testing.T) {
	for name, install := range map[string]func(path string) error{
		"it is missing":             func(string) error { return nil },
		"its libraries are missing": func(path string) error { return os.WriteFile(path, []byte("#!/bin/sh\nexit 127\n"), 0o700) },
	} {
		t.Run(name, func(t *testing.T) {
			p := newPod(t, script{Pages: 1})
			p.config.Engine = filepath.Join(p.config.WorkDir, "other")
			if err := install(p.config.Engine); err != nil {
				t.Fatal(err)
			}
			p.expect(t, workerport.ExitTemporary)
			if got := p.termination(t).Reason; got != reasonEngineUnavailable {
				t.Errorf("reason = %s, want %s", got, reasonEngineUnavailable)
			}
		})
	}
}
