package web

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/internal/apikey"
	"github.com/openplp/khocr/internal/testenv"
)

func testWrongKey(t *testing.T, s *site, browser context.Context) {
	for language, told := range map[string][2]string{
		"en": {"The API key is not known.", "Copy the whole key once more"},
		"km": {"មិនស្គាល់កូដ API នេះទេ", "សូមចម្លងកូដទាំងមូលម្តងទៀត"},
	} {
		p := s.visit(t, browser, visit{language: language})
		p.do(chromedp.WaitVisible(chromedp.CSS("#key")), chromedp.SendKeys(chromedp.CSS("#key"), apikey.Generate()+kb.Enter))
		for _, text := range told {
			p.reads(text)
		}
		if kept := value[int](p, "sessionStorage.length + localStorage.length"); kept != 0 {
			t.Errorf("something was kept of a key that was refused")
		}
		// The right one is taken after that.
		p.do(chromedp.Evaluate[chromedp.Void](`document.getElementById("key").select()`))
		p.signIn(s.key)
	}
}

func testKeyTakenAway(t *testing.T, s *site, browser context.Context) {
	key := s.organization(t, "former-office", "enterprise")
	p := s.visit(t, browser, visit{})
	p.signIn(key)
	p.choose(sample(t, "native.pdf"))
	p.await("the job is done", `document.querySelector('.badge[data-status=COMPLETED]')`)
	organization := &v1alpha1.Organization{}
	s.platform.Must(s.platform.Live.Get(t.Context(), client.ObjectKey{Name: "former-office"}, organization))
	before := organization.DeepCopy()
	organization.Spec.APIKeys = organization.Spec.APIKeys[1:]
	s.platform.Must(s.platform.Gateway.Client.Patch(t.Context(), organization, client.MergeFrom(before)))
	testenv.Await(t, "the gateway refuses the key", func() bool {
		status, _ := s.get(t, key, "/usage")
		return status == http.StatusUnauthorized
	})
	p.press("Jobs")
	p.reads("The API key is not known.")
	p.await("a key is asked for", `document.getElementById("key")`)
}

func testLargeFile(t *testing.T, s *site, browser context.Context) {
	path := filepath.Join(t.TempDir(), "large.pdf")
	if err := os.WriteFile(path, []byte("%PDF-1.7\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, 60<<20); err != nil {
		t.Fatal(err)
	}
	p := s.visit(t, browser, visit{})
	p.signIn(s.key)
	p.choose(path, sample(t, "native.pdf"))
	p.reads("This file has 60\u00a0MB; no more than 50\u00a0MB are allowed.")
	p.reads("Split it into smaller files")
	// The other one goes its way.
	p.await("the other file is done", `document.querySelector('.badge[data-status=COMPLETED]')`)
	if sent := p.requests("POST " + s.url + "/api/v1/convert"); sent != 1 {
		t.Errorf("%d files were sent, want the other one alone", sent)
	}
	p.press("ខ្មែរ")
	p.reads("ឯកសារនេះមានទំហំ 60\u00a0MB ប៉ុន្តែអនុញ្ញាតត្រឹម 50\u00a0MB។")
}

func testQuota(t *testing.T, s *site, browser context.Context) {
	plan := s.plan(t, "small", 3)
	key := s.organization(t, "small-office", plan.Name)
	var files []string
	for i := range 10 {
		files = append(files, written(t, fmt.Sprintf("letter-%02d.pdf", i), typed(1, filler[:i+1]...)))
	}
	p := s.visit(t, browser, visit{})
	p.signIn(key)
	p.choose(files...)
	p.reads("The pages of this month are used up, or too few for this document.")
	p.reads("Wait for the new month")
	p.await("what could be read is read", `document.querySelectorAll('.badge[data-status=COMPLETED]').length === 3`)
	p.await("nothing is under way", `document.querySelectorAll('.file:is([data-state=waiting], [data-state=sending]), .badge:is([data-status=QUEUED], [data-status=PROCESSING])').length === 0`)
	if shown := value[int](p, `document.querySelectorAll('.file').length`); shown != 10 {
		t.Errorf("%d of 10 files are shown", shown)
	}

	// A larger plan: the rest is read, and nothing is read twice.
	enlarge := func(pages int64) {
		t.Helper()
		s.platform.Must(s.platform.Live.Get(t.Context(), client.ObjectKeyFromObject(plan), plan))
		before := plan.DeepCopy()
		plan.Spec.Limits.PagesPerMonth = &pages
		s.platform.Must(s.platform.Gateway.Client.Patch(t.Context(), plan, client.MergeFrom(before)))
		testenv.Await(t, "the gateway knows the larger plan", func() bool {
			var usage struct{ Pages struct{ Limit int64 } }
			s.ask(t, key, "/usage", &usage)
			return usage.Pages.Limit == pages
		})
	}
	// readRest presses the button until all are read: the manager comes to know of a larger plan when it does.
	readRest := func(all int) {
		t.Helper()
		const rest = `document.querySelector(".list > .trouble button")`
		for {
			p.do(chromedp.Click(chromedp.CSS(".list > .trouble button"), chromedp.NodeVisible))
			p.await("nothing is under way", fmt.Sprintf(`!document.querySelector(".list > .trouble button:disabled") &&
				document.querySelectorAll(".file:is([data-state=refused], [data-state=held]), .badge:is([data-status=COMPLETED], [data-status=FAILED])").length === %d`, all))
			if !value[bool](p, "Boolean("+rest+")") {
				break
			}
		}
		p.await("all are read", fmt.Sprintf(`document.querySelectorAll('.badge[data-status=COMPLETED]').length === %d`, all))
	}
	enlarge(10)
	readRest(10)
	if jobs := s.jobs(t, key); len(jobs["COMPLETED"]) != 10 {
		t.Errorf("the ten files became %v", jobs)
	}

	// With nothing left at all, files stay here unsent.
	p.choose(files[:4]...)
	p.reads("Not sent yet. It is kept here.")
	p.await("none is on its way", `document.querySelectorAll('.file:is([data-state=waiting], [data-state=sending])').length === 0`)
	enlarge(100)
	readRest(14)
}

func testLostConnection(t *testing.T, s *site, browser context.Context) {
	key := s.organization(t, "far-office", "enterprise")
	w, through := lay(t, s)
	// Six megabytes that PDF readers pass over.
	content := append(typed(2, filler...), make([]byte, 6<<20)...)
	file := written(t, "far.pdf", content)

	p := through.visit(t, browser, visit{})
	p.signIn(key)
	w.cutAfter(2 << 20)
	p.choose(file)
	p.reads("The connection was lost.")
	w.mend()
	p.await("it is done", `document.querySelector('.badge[data-status=COMPLETED]')`)
	if sent := p.requests("/api/v1/convert"); sent < 2 {
		t.Errorf("it was sent %d times, so the connection was not lost", sent)
	}
	if jobs := s.jobs(t, key); len(jobs["COMPLETED"]) != 1 || len(jobs) != 1 {
		t.Errorf("the file became %v", jobs)
	}

	// The browser's job goes on being told of when the connection breaks while it is read.
	p.choose(sample(t, "pages20.pdf"))
	p.await("it is at work", `document.querySelector('.badge[data-status=PROCESSING]')`)
	w.cut()
	w.mend()
	p.await("both are done", `document.querySelectorAll('.badge[data-status=COMPLETED]').length === 2`)
}

func testReload(t *testing.T, s *site, browser context.Context) {
	key := s.organization(t, "busy-office", "enterprise")
	w, through := lay(t, s)
	p := through.visit(t, browser, visit{})
	p.signIn(key)
	p.choose(sample(t, "pages20.pdf"))
	p.await("it is at work", `document.querySelector('.badge[data-status=PROCESSING]')`)

	// Another one is on its way, and cannot go on, when the page is loaded again.
	file := written(t, "second.pdf", append(typed(1, filler...), make([]byte, 6<<20)...))
	w.cutAfter(1 << 20)
	p.choose(file)
	p.reads("The connection was lost.")
	w.mend()
	call(p, page.Reload, page.ReloadParams{})
	p.reads("pages20.pdf")
	p.await("it is followed again", `document.querySelector('.badge:is([data-status=PROCESSING], [data-status=COMPLETED])')`)
	if value[bool](p, `Boolean(document.querySelector('.file[data-state=missing]'))`) {
		p.reads("Choose the same file again and it goes on.")
		p.choose(file)
	}
	p.await("both are done", `document.querySelectorAll('.badge[data-status=COMPLETED]').length === 2`)
	if jobs := s.jobs(t, key); len(jobs["COMPLETED"]) != 2 || len(jobs) != 1 {
		t.Errorf("the two files became %v", jobs)
	}
}

func testMarkup(t *testing.T, s *site, browser context.Context) {
	hostile := []string{`<script>alert("x")</script>`, `<img src=x onerror=alert(1)>`, `javascript:alert(2)`}
	file := written(t, "<img src=x onerror=alert(3)>.pdf", typed(1, append(hostile, filler...)...))
	p := s.visit(t, browser, visit{})
	p.signIn(s.key)
	p.choose(file)
	p.await("it is done", `document.querySelector('.badge[data-status=COMPLETED]')`)
	for _, hash := range []string{"#/jobs", ""} {
		if hash != "" {
			p.do(chromedp.Evaluate[chromedp.Void](`location.hash = "#/jobs"`))
			p.reads("<img src=x onerror=alert(3)>.pdf")
			continue
		}
		p.do(chromedp.Click(`//a[contains(., "onerror=alert(3)")]`))
	}
	for _, line := range hostile {
		p.reads(line)
	}
	p.do(chromedp.SendKeys(chromedp.CSS("[type=search]"), `<script>`))
	p.reads("1 of 1")
	if made := value[int](p, `document.querySelectorAll('main script, main iframe, main img:not(.paper > img)').length`); made != 0 {
		t.Errorf("text became %d elements", made)
	}
	p.do(chromedp.Evaluate[chromedp.Void](`location.hash = "#/jobs/%E0%A4%A"`))
	p.await("an address that nobody made is no job", `!document.querySelector('.word') && document.querySelector('.trouble')`)
}
