package worker

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/internal/document"
	"github.com/openplp/khocr/internal/workerport"
	"github.com/openplp/khocr/worker/wire"
)

const (
	native     = document.OutcomeNative
	recognized = document.OutcomeRecognized
	failed     = document.OutcomeFailed
)

func TestEveryPageIsStoredAndProgressReportedTwice(t *testing.T) {
	p := newPod(t, script{Pages: 3, Native: []int{2}, PageError: []int{3}})
	p.expect(t, workerport.ExitDone)

	want := map[int]document.Outcome{1: recognized, 2: native, 3: failed}
	if got := p.gateway.outcomes(); !reflect.DeepEqual(got, want) {
		t.Errorf("stored pages = %v, want %v", got, want)
	}
	if page := p.gateway.pages[1]; page.Text != "auto script/Khmer" || page.Model != "khmer" {
		t.Errorf("the engine was asked for %q with model %q", page.Text, page.Model)
	}
	counts := []v1alpha1.PageCounts{{Total: 3}, {Total: 3, Done: 3, Native: 1, Recognized: 1, Failed: 1}}
	if got := p.cluster.progress(); !reflect.DeepEqual(got, counts) {
		t.Errorf("progress = %v, want %v", got, counts)
	}
	if _, err := os.Stat(p.config.TerminationFile); err == nil {
		t.Error("a worker that is done left a termination message")
	}
}

func TestProgressIsAppliedToTheOwnEntryOnly(t *testing.T) {
	p := newPod(t, script{Pages: 1})
	p.expect(t, workerport.ExitDone)

	got := p.cluster.patches[1]
	if got.method != http.MethodPatch ||
		got.path != "/apis/ocr.openplp.com/v1alpha1/namespaces/khocr-school/ocrjobs/a1b2c3d4e5f6/status" ||
		got.query != "fieldManager=khocr-worker-0&force=true&timeout=5s" ||
		got.contentType != "application/apply-patch+yaml" ||
		got.authorization != "Bearer secret-for-cluster" {
		t.Errorf("request = %+v", got)
	}
	want := map[string]any{
		"apiVersion": "ocr.openplp.com/v1alpha1",
		"kind":       "OcrJob",
		"metadata":   map[string]any{"namespace": "khocr-school", "name": "a1b2c3d4e5f6"},
		"status": map[string]any{"workers": []any{map[string]any{
			"part":     0.0,
			"progress": map[string]any{"total": 1.0, "done": 1.0, "recognized": 1.0},
		}}},
	}
	if !reflect.DeepEqual(got.body, want) {
		t.Errorf("body = %v, want %v", got.body, want)
	}
}

func TestStoredPagesAreNotAskedForAgain(t *testing.T) {
	p := newPod(t, script{Pages: 4})
	p.gateway.ticket.Stored = []workerport.StoredPage{{Number: 1, Outcome: native}, {Number: 3, Outcome: failed}}
	p.expect(t, workerport.ExitDone)

	if p.asked(1)+p.asked(3) != 0 || p.asked(2) != 1 || p.asked(4) != 1 {
		t.Errorf("the engine was asked for %v", readDiary(p.config.WorkDir))
	}
	want := []v1alpha1.PageCounts{
		{Total: 4, Done: 2, Native: 1, Failed: 1},
		{Total: 4, Done: 4, Native: 1, Failed: 1, Recognized: 2},
	}
	if got := p.cluster.progress(); !reflect.DeepEqual(got, want) {
		t.Errorf("progress = %v, want %v", got, want)
	}
}

func TestADocumentWhosePagesAreAllStoredNeedsOneReport(t *testing.T) {
	p := newPod(t, script{Pages: 1})
	p.gateway.ticket.Stored = []workerport.StoredPage{{Number: 1, Outcome: recognized}}
	p.expect(t, workerport.ExitDone)
	if got := p.cluster.progress(); len(got) != 1 || got[0].Done != 1 {
		t.Errorf("progress = %v, want one report with the page done", got)
	}
}

func TestOnlyThePagesAskedForAreProcessed(t *testing.T) {
	p := newPod(t, script{Pages: 9})
	p.gateway.ticket.Pages = "2-3,8-20"
	p.expect(t, workerport.ExitDone)
	if got := pagesOf(p.gateway.outcomes()); !slices.Equal(got, []int{2, 3, 8, 9}) {
		t.Errorf("stored pages = %v, want 2, 3, 8, 9", got)
	}
}

func TestAMissingModelIsTheWorkersFault(t *testing.T) {
	p := newPod(t, script{Pages: 2, NoModel: []int{2}})
	p.expect(t, workerport.ExitTemporary)
	if got := pagesOf(p.gateway.outcomes()); slices.Contains(got, 2) {
		t.Errorf("stored pages = %v: nobody has read the second", got)
	}
}

func TestABadPageCostsOnePage(t *testing.T) {
	for name, test := range map[string]struct {
		document script
		code     string
		tries    int
	}{
		"one that crashes every engine is tried once more": {script{Crash: []int{2}}, document.PageErrorCrashed, 2},
		"one that is not answered by the protocol":         {script{Rambling: []int{2}}, document.PageErrorCrashed, 2},
		"one of which the engine blames the document":      {script{Blaming: []int{2}}, document.PageErrorCrashed, 2},
		"one whose answer is too long":                     {script{Huge: []int{2}}, document.PageErrorCrashed, 2},
		"one that is answered with another page":           {script{Wrong: []int{2}}, document.PageErrorCrashed, 2},
		"one that takes more than all the memory":          {script{Eat: map[int]int64{2: 3 << 30}}, document.PageErrorCrashed, 2},
		"one of which the engine blames a model":           {script{NoModel: []int{2}}, document.PageErrorCrashed, 2},
		"one that hangs is not tried again":                {script{Hang: []int{2}}, document.PageErrorTimeout, 1},
	} {
		t.Run(name, func(t *testing.T) {
			test.document.Pages = 5
			p := newPod(t, test.document)
			p.config.TessdataPrefix = t.TempDir()
			if err := os.WriteFile(filepath.Join(p.config.TessdataPrefix, "Khmer.traineddata"), []byte("a model"), 0o600); err != nil {
				t.Fatal(err)
			}
			if test.code == document.PageErrorTimeout {
				p.gateway.ticket.PageTimeoutSeconds = 1
			}
			p.expect(t, workerport.ExitDone)

			want := map[int]document.Outcome{1: recognized, 2: failed, 3: recognized, 4: recognized, 5: recognized}
			if got := p.gateway.outcomes(); !reflect.DeepEqual(got, want) {
				t.Errorf("stored pages = %v, want %v", got, want)
			}
			if got := p.gateway.errorCode(t, 2); got != test.code {
				t.Errorf("error of page 2 = %s, want %s", got, test.code)
			}
			if got := p.asked(2); got != test.tries {
				t.Errorf("page 2 was tried %d times, want %d", got, test.tries)
			}
		})
	}
}

func TestAPageThatCrashesOnceIsRecognised(t *testing.T) {
	p := newPod(t, script{Pages: 3, CrashOnce: []int{1}})
	p.expect(t, workerport.ExitDone)
	if got := p.gateway.outcomes()[1]; got != recognized {
		t.Errorf("outcome = %s, want %s", got, recognized)
	}
	if log := p.log.String(); !strings.Contains(log, "signal: killed") || !strings.Contains(log, "an engine's last words") {
		t.Errorf("the log does not say how the engine ended:\n%s", log)
	}
}

func TestAPageThatIsTooMuchForAShareOfTheMemoryGetsAllOfIt(t *testing.T) {
	// Two children have 960 MiB each, one alone has 1920.
	p := newPod(t, script{Pages: 3, Eat: map[int]int64{2: 1200 << 20}})
	p.expect(t, workerport.ExitDone)
	if got := p.gateway.outcomes()[2]; got != recognized || p.asked(2) != 2 {
		t.Errorf("outcome = %s after %d tries, want %s after 2", got, p.asked(2), recognized)
	}
}

func TestADocumentWhosePagesAllFailIsDone(t *testing.T) {
	p := newPod(t, script{Pages: 2, Crash: []int{1, 2}})
	p.expect(t, workerport.ExitDone)
	if got := p.cluster.progress(); got[len(got)-1] != (v1alpha1.PageCounts{Total: 2, Done: 2, Failed: 2}) {
		t.Errorf("progress = %v", got)
	}
}

func TestABadDocumentEndsTheWorkerForGood(t *testing.T) {
	for name, test := range map[string]struct {
		document script
		change   func(*pod)
		reason   string
	}{
		"the engine refuses it": {
			document: script{OpenError: &wire.Error{Reason: v1alpha1.ReasonPasswordProtected, Message: "It has a password."}},
			reason:   v1alpha1.ReasonPasswordProtected,
		},
		"two engines die of it": {document: script{OpenCrashes: 9}, reason: v1alpha1.ReasonInvalidDocument},
		"two engines hang over it": {
			document: script{OpenHangs: 9},
			change:   func(p *pod) { p.gateway.ticket.PageTimeoutSeconds = 1 },
			reason:   v1alpha1.ReasonInvalidDocument,
		},
		"it has none of the pages asked for": {
			document: script{Pages: 3},
			change:   func(p *pod) { p.gateway.ticket.Pages = "4-6" },
			reason:   v1alpha1.ReasonPagesOutOfRange,
		},
		"it claims more pages than there may be": {
			document: script{Pages: 2_000_000_000},
			reason:   v1alpha1.ReasonTooManyPages,
		},
		"the gateway has no document to give": {
			change: func(p *pod) {
				p.gateway.refuse = func(r *http.Request, _ int) (int, string) {
					if r.URL.Path == workerport.PathDocument {
						return http.StatusUnprocessableEntity, v1alpha1.ReasonSourceTooLarge
					}
					return 0, ""
				}
			},
			reason: v1alpha1.ReasonSourceTooLarge,
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPod(t, test.document)
			if test.change != nil {
				test.change(p)
			}
			p.expect(t, workerport.ExitBadDocument)
			if got := p.termination(t); got.Reason != test.reason || got.Message == "" {
				t.Errorf("termination = %+v, want reason %s and a message", got, test.reason)
			}
			if got := p.cluster.progress(); got != nil {
				t.Errorf("progress = %v, want none", got)
			}
		})
	}
}

func TestADocumentThatOpensOnlyWithAllTheMemoryGetsOneEngine(t *testing.T) {
	p := newPod(t, script{Pages: 4, OpenCrashes: 1})
	p.expect(t, workerport.ExitDone)
	opened := 0
	for _, line := range readDiary(p.config.WorkDir) {
		if strings.HasPrefix(line, "open ") {
			opened++
		}
	}
	if opened != 2 || len(p.gateway.outcomes()) != 4 {
		t.Errorf("%d engines opened the document and %d pages were stored, want 2 and 4", opened, len(p.gateway.outcomes()))
	}
}

func TestThereAreNoMoreEnginesThanPages(t *testing.T) {
	p := newPod(t, script{Pages: 1})
	p.config.CPULimit = 4
	p.expect(t, workerport.ExitDone)
	if got := len(readDiary(p.config.WorkDir)); got != 4 {
		t.Errorf("diary = %v, want one opening, one page with its preview, and the searchable PDF", readDiary(p.config.WorkDir))
	}
}

func TestTheEngineKnowsNoSecret(t *testing.T) {
	t.Setenv("KHOCR_SECRET", "hidden")
	p := newPod(t, script{Pages: 1})
	p.expect(t, workerport.ExitDone)
	want := "open GOMAXPROCS=1 GOMEMLIMIT=64MiB KHOCR_ENGINE_ADDRESS_SPACE=1006632960 MALLOC_ARENA_MAX=1 OMP_THREAD_LIMIT=1 TESSDATA_PREFIX=/models TMPDIR=" + p.config.WorkDir + "/made"
	if got := readDiary(p.config.WorkDir)[0]; got != want {
		t.Errorf("environment = %s, want %s", got, want)
	}
}

func TestAWrongPasswordIsTheDocumentsEnd(t *testing.T) {
	p := newPod(t, script{Pages: 1, Password: "open sesame"})
	p.gateway.ticket.Password = "open barley"
	p.expect(t, workerport.ExitBadDocument)
	got := p.termination(t)
	if got.Reason != v1alpha1.ReasonPasswordProtected || strings.Contains(got.Message+p.log.String(), "barley") {
		t.Errorf("termination = %+v; log:\n%s", got, p.log)
	}
}

func TestTheLogHoldsNoSecret(t *testing.T) {
	p := newPod(t, script{Pages: 2, Crash: []int{1}, Password: "open sesame"})
	p.gateway.ticket.Password = "open sesame"
	p.expect(t, workerport.ExitDone)
	log := p.log.String()
	for _, secret := range []string{"secret-for-", "script/Khmer", "sesame"} {
		if strings.Contains(log, secret) {
			t.Errorf("the log holds %q:\n%s", secret, log)
		}
	}
}

func TestEveryLineOfTheLogNamesTheJob(t *testing.T) {
	p := newPod(t, script{Pages: 2, Crash: []int{1}})
	p.expect(t, workerport.ExitDone)
	pages := map[float64]bool{}
	for text := range strings.Lines(p.log.String()) {
		line := map[string]any{}
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			t.Fatalf("a line is no JSON: %q: %v", text, err)
		}
		if strings.HasPrefix(line["msg"].(string), "The kernel does not confine") {
			continue // what the machine lacks is no job's business
		}
		for name, want := range map[string]any{"organization": "school", "job": "khocr-school/a1b2c3d4e5f6", "part": 0.0, "pod": "job-0-1"} {
			if line[name] != want {
				t.Errorf("%s is %v, want %v, in %s", name, line[name], want, text)
			}
		}
		if page, ok := line["page"].(float64); ok {
			pages[page] = true
		}
	}
	if !pages[1] || !pages[2] {
		t.Errorf("the log tells of the pages %v, want both:\n%s", pages, p.log)
	}
}

func TestWhatIsRefusedForNowIsTriedAgain(t *testing.T) {
	for name, refuse := range map[string]func(*http.Request, int) (int, string){
		"a pod that is not recorded yet": func(r *http.Request, try int) (int, string) {
			if try <= 3 {
				return http.StatusUnauthorized, "NotRecorded"
			}
			return 0, ""
		},
		"a gateway that is not well": func(r *http.Request, try int) (int, string) {
			if r.Method == http.MethodPut && try <= 2 {
				return http.StatusServiceUnavailable, "Unavailable"
			}
			return 0, ""
		},
		"a connection that breaks": func(r *http.Request, try int) (int, string) {
			if try == 1 {
				panic(http.ErrAbortHandler)
			}
			return 0, ""
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPod(t, script{Pages: 2})
			p.gateway.refuse = refuse
			p.cluster.deny = 3
			p.expect(t, workerport.ExitDone)
			if got := pagesOf(p.gateway.outcomes()); !slices.Equal(got, []int{1, 2}) {
				t.Errorf("stored pages = %v, want 1, 2", got)
			}
			if got := p.cluster.progress(); got[len(got)-1].Done != 2 {
				t.Errorf("progress = %v, want 2 done at last", got)
			}
			if p.asked(1) != 1 || p.asked(2) != 1 {
				t.Error("a page was recognised twice")
			}
		})
	}
}

func TestAPageThatTheGatewayWillNotHaveIsStoredAsFailed(t *testing.T) {
	p := newPod(t, script{Pages: 2})
	p.gateway.refuse = func(r *http.Request, try int) (int, string) {
		if r.URL.Path == workerport.PagePath(1) && try == 1 {
			return http.StatusRequestEntityTooLarge, "TooLarge"
		}
		return 0, ""
	}
	p.expect(t, workerport.ExitDone)
	if got := p.gateway.errorCode(t, 1); got != document.PageErrorUnreadable {
		t.Errorf("error = %s, want %s", got, document.PageErrorUnreadable)
	}
}

func TestTheTokenGoesToNobodyElse(t *testing.T) {
	p := newPod(t, script{Pages: 1})
	// The certificate has this address as well, but it is the name that counts.
	p.config.GatewayName = "another.example"
	ctx, stop := context.WithCancel(t.Context())
	exit := make(chan int)
	go func() { exit <- p.run(ctx) }()
	await(t, "the worker to refuse the certificate", func() bool { return strings.Contains(p.gateway.log.String(), "bad certificate") })
	stop()
	if got := <-exit; got != workerport.ExitTemporary || len(p.gateway.tokens) != 0 {
		t.Errorf("exit code = %d and %d tokens arrived, want %d and none", got, len(p.gateway.tokens), workerport.ExitTemporary)
	}
}
