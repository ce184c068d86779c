package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/audits"
	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/dom"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// patience is how long the browser may take for anything: the machine may have much else to do.
const patience = 5 * time.Minute

// startBrowser runs Debian's Chromium until the test ends.
func startBrowser(t *testing.T) context.Context {
	t.Helper()
	options := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]), chromedp.UserDataDir(t.TempDir()), chromedp.NoSandbox)
	for flag, value := range map[string]any{
		"headless": "new", "disable-gpu": true, "disable-quic": true, "disable-component-update": true,
	} {
		options = append(options, chromedp.Flag(flag, value))
	}
	allocator, stop := chromedp.NewExecAllocator(context.WithoutCancel(t.Context()), options...)
	t.Cleanup(stop)
	ctx, quit := chromedp.NewContext(allocator)
	t.Cleanup(quit)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("starting Chromium: %v", err)
	}
	return ctx
}

// visit is how a person comes.
type visit struct {
	// language that the browser asks for; English where it is empty.
	language string
	dark     bool
	// width and height of the window; that of a desk where they are 0.
	width, height int64
}

// tab is a page of a person of their own: no other tab knows what this one does.
type tab struct {
	*testing.T
	site      *site
	ctx       context.Context
	downloads string

	mutex sync.Mutex
	// troubles are errors of scripts, and what the page's policy forbade.
	troubles []string
	// sent are the requests that were made.
	sent []string
	// transferred counts the bytes that came.
	transferred float64
	chooser     chan cdp.BackendNodeID
	saved       chan string
}

// visit opens the page, and fails the test at its end for every error and every violation of the page's policy.
func (s *site) visit(t *testing.T, browserContext context.Context, v visit) *tab {
	t.Helper()
	ctx, stop := chromedp.NewContext(browserContext, chromedp.WithNewBrowserContext())
	t.Cleanup(stop)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("opening a tab: %v", err)
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	t.Cleanup(cancel)
	p := &tab{T: t, site: s, ctx: ctx, downloads: t.TempDir(), chooser: make(chan cdp.BackendNodeID, 1), saved: make(chan string, 16)}
	if err := errors.Join(chromedp.Listen(ctx, p.hear), chromedp.ListenBrowser(ctx, p.hearDownload)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.mutex.Lock()
		defer p.mutex.Unlock()
		for _, trouble := range p.troubles {
			t.Errorf("the browser says: %s", trouble)
		}
	})
	if v.language == "" {
		v.language = "en"
	}
	if v.width == 0 {
		v.width, v.height = 1280, 900
	}
	scheme := "light"
	if v.dark {
		scheme = "dark"
	}
	call(p, network.Enable, network.EnableParams{})
	call(p, audits.Enable, cdp.Empty{})
	call(p, log.Enable, cdp.Empty{})
	call(p, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}}})
	call(p, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: v.width, Height: v.height, DeviceScaleFactor: 1, Mobile: v.width < 600})
	call(p, emulation.SetUserAgentOverride, emulation.SetUserAgentOverrideParams{UserAgent: value[string](p, "navigator.userAgent"), AcceptLanguage: v.language})
	_, err := chromedp.CallBrowser(ctx, browser.SetDownloadBehavior, browser.SetDownloadBehaviorParams{
		Behavior: browser.SetDownloadBehaviorBehaviorAllowAndName, BrowserContextID: chromedp.FromContext(ctx).BrowserContextID, DownloadPath: p.downloads, EventsEnabled: new(true),
	})
	if err != nil {
		t.Fatal(err)
	}
	p.do(chromedp.Navigate(s.url + "/"))
	return p
}

// hear notes what the browser tells of a page.
func (p *tab) hear(event any) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	switch event := event.(type) {
	case *runtime.EventExceptionThrown:
		p.troubles = append(p.troubles, fmt.Sprintf("%+v", event.ExceptionDetails.Exception))
	case *runtime.EventConsoleAPICalled:
		if event.Type == "error" || event.Type == "warning" {
			text, _ := json.Marshal(event.Args)
			p.troubles = append(p.troubles, string(text))
		}
	case *log.EventEntryAdded:
		// That a request was refused is for the page to tell.
		if event.Entry.Level == log.EntryLevelError && event.Entry.Source != log.EntrySourceNetwork {
			p.troubles = append(p.troubles, event.Entry.Text)
		}
	case *audits.EventIssueAdded:
		if event.Issue.Code == audits.InspectorIssueCodeContentSecurityPolicyIssue {
			text, _ := json.Marshal(event.Issue.Details)
			p.troubles = append(p.troubles, string(text))
		}
	case *page.EventJavascriptDialogOpening:
		if event.Type == page.DialogTypeBeforeunload {
			// Who leaves in the middle of sending is asked, and says yes.
			go func() {
				_, _ = chromedp.Call(p.ctx, page.HandleJavaScriptDialog, page.HandleJavaScriptDialogParams{Accept: true})
			}()
			return
		}
		p.troubles = append(p.troubles, "a script opened a dialog: "+event.Message)
	case *page.EventFileChooserOpened:
		p.chooser <- event.BackendNodeID
	case *network.EventRequestWillBeSent:
		p.sent = append(p.sent, event.Request.Method+" "+event.Request.URL)
	case *network.EventLoadingFinished:
		p.transferred += event.EncodedDataLength
	}
}

// hearDownload notes a file that was saved, whosever it is.
func (p *tab) hearDownload(event any) {
	progress, is := event.(*browser.EventDownloadProgress)
	if !is || progress.State != browser.DownloadProgressStateCompleted {
		return
	}
	if path := filepath.Join(p.downloads, progress.GUID); fileExists(path) {
		p.saved <- path
	}
}

func fileExists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// call gives the browser a command of its protocol.
func call[P, R any](p *tab, command cdp.Command[P, R], parameters P) R {
	p.Helper()
	result, err := chromedp.Call(p.ctx, command, parameters)
	if err != nil {
		p.Fatalf("%s: %v\nThe page shows:\n%s", command.Method, err, p.looks())
	}
	return result
}

func (p *tab) do(actions ...chromedp.Action[chromedp.Void]) {
	p.Helper()
	if err := chromedp.Do(p.ctx, actions...); err != nil {
		p.Fatalf("%v\nThe page shows:\n%s", err, p.looks())
	}
}

// looks is what the page shows, for the message of a failure.
func (p *tab) looks() string {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(p.ctx), 10*time.Second)
	defer cancel()
	text, _ := chromedp.Run(ctx, chromedp.Evaluate[string](`document.body?.innerText || ""`))
	if folder := os.Getenv("KHOCR_WEB_PICTURES"); folder != "" {
		if picture, err := chromedp.Run(ctx, chromedp.CaptureScreenshot()); err == nil {
			_ = os.WriteFile(filepath.Join(folder, strings.ReplaceAll(p.Name(), "/", "-")+".png"), picture, 0o600)
		}
	}
	return text
}

// value is what an expression of the page's has.
func value[T any](p *tab, expression string) T {
	p.Helper()
	found, err := chromedp.Run(p.ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		p.Fatalf("%s: %v\nThe page shows:\n%s", expression, err, p.looks())
	}
	return found
}

// await waits until an expression of the page's is true.
func (p *tab) await(what, expression string) {
	p.Helper()
	for {
		is, err := chromedp.Run(p.ctx, chromedp.Evaluate[bool]("Boolean("+expression+")"))
		if err == nil && is {
			return
		}
		select {
		case <-p.ctx.Done():
			p.Fatalf("waiting until %s: %v\nThe page shows:\n%s", what, err, p.looks())
		case <-time.After(50 * time.Millisecond): // between two looks
		}
	}
}

func quoted(text string) string {
	encoded, err := json.Marshal(text)
	if err != nil {
		panic(err) // text encodes
	}
	return string(encoded)
}

// reads waits until the page shows a text.
func (p *tab) reads(text string) {
	p.Helper()
	p.await(fmt.Sprintf("the page reads %q", text), "document.body.innerText.includes("+quoted(text)+")")
}

// named is an XPath for what can be pressed and has that name, or that text within.
func named(name string) string {
	literal := "'" + name + "'"
	return fmt.Sprintf(`//*[self::button or self::a or self::summary or self::label][@aria-label=%[1]s or contains(normalize-space(.), %[1]s)]`, literal)
}

// press clicks what has a name.
func (p *tab) press(name string) {
	p.Helper()
	p.do(chromedp.Click(named(name), chromedp.NodeVisible))
}

// signIn signs in with the keyboard, as people do who paste their key.
func (p *tab) signIn(key string) {
	p.Helper()
	p.do(chromedp.WaitVisible(chromedp.CSS("#key")), chromedp.SendKeys(chromedp.CSS("#key"), key+kb.Enter), chromedp.WaitVisible(chromedp.CSS(".drop")))
}

// choose hands files in, as the dialog of the system does.
func (p *tab) choose(files ...string) {
	p.Helper()
	p.do(chromedp.WaitReady(chromedp.CSS("#files")), chromedp.SetUploadFiles(chromedp.CSS("#files"), files))
}

// answerChooser waits for the system's dialog, and chooses files in it.
func (p *tab) answerChooser(files ...string) {
	p.Helper()
	select {
	case node := <-p.chooser:
		call(p, dom.SetFileInputFiles, dom.SetFileInputFilesParams{Files: files, BackendNodeID: node})
	case <-p.ctx.Done():
		p.Fatalf("no dialog for files was opened\nThe page shows:\n%s", p.looks())
	}
}

// download waits for a file that is saved, and reads it.
func (p *tab) download() []byte {
	p.Helper()
	select {
	case path := <-p.saved:
		content, err := os.ReadFile(path)
		if err != nil {
			p.Fatal(err)
		}
		return content
	case <-p.ctx.Done():
		p.Fatalf("nothing was downloaded\nThe page shows:\n%s", p.looks())
		return nil
	}
}

// requests counts the requests so far that have a part in their method and address.
func (p *tab) requests(part string) int {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	count := 0
	for _, request := range p.sent {
		if strings.Contains(request, part) {
			count++
		}
	}
	return count
}
