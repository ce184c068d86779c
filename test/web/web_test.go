package web

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// TestPage holds the tests, which share a gateway and a browser.
func TestPage(t *testing.T) {
	s, browser := open(t), startBrowser(t)
	for _, test := range []struct {
		name string
		run  func(*testing.T, *site, context.Context)
	}{
		{"first paint", testFirstPaint},
		{"from upload to download", testUploadToDownload},
		{"languages", testLanguages},
		{"cancel", testCancel},
		{"wrong key", testWrongKey},
		{"key taken away", testKeyTakenAway},
		{"large file", testLargeFile},
		{"quota in the middle of ten files", testQuota},
		{"lost connection", testLostConnection},
		{"reload in the middle", testReload},
		{"markup in a document", testMarkup},
		{"two hundred pages", testTwoHundredPages},
		{"five hundred pages", testFiveHundredPages},
		{"words and their places", testHighlight},
		{"correct a word", testCorrect},
		{"from word to word", testWordToWord},
		{"two people at one word", testTwoPeople},
		{"keyboard only", testKeyboard},
		{"AI models", testAIModels},
		{"accessible", testAccessible},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, s, browser) })
	}
}

func testFirstPaint(t *testing.T, s *site, browser context.Context) {
	p := s.visit(t, browser, visit{language: "km"})
	p.do(chromedp.WaitVisible(chromedp.CSS("#key")))
	p.await("its letters are there", `document.fonts.status === "loaded" && [...document.fonts].every(font => font.status === "loaded")`)
	p.await("it is painted", `performance.getEntriesByName("first-contentful-paint").length > 0`)
	p.mutex.Lock()
	bytes, requests := int(p.transferred), len(p.sent)
	p.mutex.Unlock()
	painted := value[float64](p, `performance.getEntriesByName("first-contentful-paint")[0].startTime`)
	t.Logf("%d bytes in %d requests, first paint after %.0f ms", bytes, requests, painted)
	if bytes > 200_000 {
		t.Errorf("%d bytes were transferred until the page was there", bytes)
	}
	for _, request := range p.sent {
		if !strings.Contains(request, s.url) {
			t.Errorf("the page asks elsewhere: %s", request)
		}
	}
}

func testUploadToDownload(t *testing.T, s *site, browser context.Context) {
	p := s.visit(t, browser, visit{})
	p.signIn(s.key)
	p.choose(sample(t, "sample.pdf"))
	p.await("the job is done", `document.querySelector('.badge[data-status=COMPLETED]')`)
	p.press("Download sample.pdf")
	if text := docx(t, p.download()); !strings.Contains(text, "ក") {
		t.Errorf("the Word file of the list has no Khmer:\n%s", text)
	}
	p.press("Open")
	p.await("the words of the first page are there", `document.querySelectorAll('#page-1 .word').length > 10`)
	p.press("Download")
	p.do(chromedp.Click(chromedp.CSS("[data-format=docx]"), chromedp.NodeVisible))
	text := docx(t, p.download())
	if first := value[string](p, `document.querySelector('#page-1 .word').textContent`); !strings.Contains(text, first) {
		t.Errorf("the Word file lacks %q:\n%s", first, text)
	}
	for _, request := range p.sent {
		if strings.Contains(request, s.key) {
			t.Error("the key is in an address")
		}
	}
	p.do(chromedp.Click(named("Sign out")), chromedp.WaitVisible(chromedp.CSS("#key")))
	if left := value[string](p, `JSON.stringify(sessionStorage) + JSON.stringify(localStorage) + document.cookie`); strings.Contains(left, "khocr_") || strings.Contains(left, "sample.pdf") {
		t.Errorf("signing out left %s", left)
	}
}

func testLanguages(t *testing.T, s *site, browser context.Context) {
	p := s.visit(t, browser, visit{language: "km-KH,en;q=0.5"})
	p.reads("ចូលប្រើ")
	p.await("it says that it is in Khmer", `document.documentElement.lang === "km"`)
	p.press("English")
	p.reads("Sign in")
	p.await("it says that it is in English", `document.documentElement.lang === "en"`)
	p.do(chromedp.Reload())
	p.reads("Sign in")
	p.signIn(s.key)
	p.choose(sample(t, "password.pdf"))
	p.reads("Send it again with the right password")
	p.press("ខ្មែរ")
	p.reads("ឯកសារនេះត្រូវបានការពារដោយពាក្យសម្ងាត់។")
	p.reads("សូមផ្ញើវាម្តងទៀត ដោយបញ្ចូលពាក្យសម្ងាត់ត្រឹមត្រូវ")

	english := s.visit(t, browser, visit{language: "en-US,km;q=0.5"})
	english.reads("Sign in")
}

func testCancel(t *testing.T, s *site, browser context.Context) {
	p := s.visit(t, browser, visit{})
	p.signIn(s.key)
	p.press("More options")
	p.do(chromedp.SetValue(chromedp.CSS("#mode"), "force"),
		chromedp.Evaluate[chromedp.Void](`document.getElementById("mode").dispatchEvent(new Event("change", { bubbles: true }))`))
	p.choose(sample(t, "pages20.pdf"))
	p.await("some of its pages are done", `(value => value > 0 && value < 100)(Number(document.querySelector('.file [role=progressbar]')?.getAttribute("aria-valuenow")))`)
	p.press("Cancel pages20.pdf")
	p.reads("Stop reading “pages20.pdf”?")
	p.do(chromedp.Click(chromedp.CSS("dialog .danger"), chromedp.NodeVisible))
	p.await("it is cancelled", `document.querySelector('.badge[data-status=CANCELLED]')`)
	p.press("Open")
	p.await("a page that was done can be read", `document.querySelectorAll('#page-1 .word').length > 3`)

	p.press("Jobs")
	p.press("Cancelled")
	p.await("the list has the cancelled ones alone", `document.querySelectorAll('.file').length > 0 && document.querySelectorAll('.file:not([data-status=CANCELLED])').length === 0`)
	before := value[int](p, `document.querySelectorAll('.file').length`)
	p.press("Delete pages20.pdf")
	p.reads("Delete “pages20.pdf”?")
	p.do(chromedp.Click(chromedp.CSS("dialog .danger"), chromedp.NodeVisible))
	p.await("it is gone", fmt.Sprintf(`document.querySelectorAll('.file').length === %d`, before-1))
}

func testKeyboard(t *testing.T, s *site, browser context.Context) {
	p := s.visit(t, browser, visit{})
	call(p, page.SetInterceptFileChooserDialog, page.SetInterceptFileChooserDialogParams{Enabled: true})
	p.await("the field for the key has the focus", `document.activeElement.id === "key"`)
	p.do(chromedp.KeyEvent(s.key+kb.Enter), chromedp.WaitVisible(chromedp.CSS(".drop")))
	p.tabTo(".drop button")
	p.do(chromedp.KeyEvent(kb.Enter))
	p.answerChooser(sample(t, "sample.pdf"))
	p.await("the job is done", `document.querySelector('.badge[data-status=COMPLETED]')`)
	p.tabTo(".file a.button")
	p.do(chromedp.KeyEvent(kb.Enter))
	p.await("the words are there", `document.querySelectorAll('#page-1 .word').length > 10`)
	p.tabTo(".word")
	p.do(chromedp.KeyEvent(kb.ArrowRight), chromedp.KeyEvent(kb.ArrowRight))
	p.await("the third word has the focus", `document.activeElement.dataset.w === "2"`)
	p.do(chromedp.KeyEvent(kb.Enter))
	p.await("it can be corrected", `document.activeElement.matches(".editor input")`)
	p.do(chromedp.KeyEvent("ABC" + kb.Enter))
	p.await("it is corrected and has the focus", `document.activeElement.dataset.w === "2" && document.activeElement.textContent === "ABC"`)
	p.tabBackTo(".menu summary")
	p.do(chromedp.KeyEvent(kb.Enter))
	p.tabTo("[data-format=text]")
	p.do(chromedp.KeyEvent(kb.Enter))
	if text := string(p.download()); !strings.Contains(text, "ABC") {
		t.Errorf("the text lacks the correction:\n%s", text)
	}
}

// tabTo presses Tab until something has the focus.
func (p *tab) tabTo(selector string) { p.walkTo(selector) }

// tabBackTo is tabTo the other way.
func (p *tab) tabBackTo(selector string) {
	p.walkTo(selector, chromedp.KeyModifiers(chromedp.ModifierShift))
}

func (p *tab) walkTo(selector string, options ...chromedp.KeyOption) {
	p.Helper()
	for range 80 {
		p.do(chromedp.KeyEvent(kb.Tab, options...))
		if value[bool](p, `document.activeElement.matches(`+quoted(selector)+`)`) {
			return
		}
	}
	p.Fatalf("Tab does not come to %s", selector)
}

// docx is the text of a Word file, without what helps Word to break lines.
func docx(t *testing.T, content []byte) string {
	t.Helper()
	archive, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		t.Fatalf("the Word file is none: %v", err)
	}
	file, err := archive.Open("word/document.xml")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	text, err := io.ReadAll(file)
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(string(text), "\u200b", "")
}
