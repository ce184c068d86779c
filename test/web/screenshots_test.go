package web

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// TestScreenshots draws every screen into the folder that the environment names.
func TestScreenshots(t *testing.T) {
	folder := os.Getenv("KHOCR_WEB_SCREENSHOTS")
	if folder == "" {
		t.Skip("KHOCR_WEB_SCREENSHOTS names no folder: make screenshots")
	}
	s, browser := open(t), startBrowser(t)
	e := makeExample(t, s, browser)
	for _, language := range []string{"km", "en"} {
		for _, theme := range []string{"light", "dark"} {
			for _, window := range []struct {
				name          string
				width, height int64
			}{{"desktop", 1280, 860}, {"phone", 360, 740}} {
				v := visit{language: language, dark: theme == "dark", width: window.width, height: window.height}
				p := s.visit(t, browser, v)
				p.do(chromedp.WaitVisible(chromedp.CSS("#key")))
				for _, screen := range e.screens() {
					if screen.name == "convert" {
						p.signIn(e.key)
						p.choose(sample(t, "native.pdf"), sample(t, "password.pdf"))
						p.await("both have ended", `document.querySelectorAll('.file .badge:is([data-status=COMPLETED], [data-status=FAILED])').length === 2`)
					}
					if screen.goTo != nil {
						screen.goTo(p)
					}
					if screen.name == "result" {
						p.do(chromedp.Evaluate[chromedp.Void](`document.querySelector('.word').dispatchEvent(new MouseEvent("mouseover", { bubbles: true }))`))
						p.await("a word is lit up", `document.querySelector('.spot')`)
					}
					p.await("the letters are there", `document.fonts.status === "loaded"`)
					if wide := value[float64](p, `document.documentElement.scrollWidth`); wide > float64(window.width) {
						t.Errorf("%s is %v wide in a window of %d (%s)", screen.name, wide, window.width, language)
					}
					p.save(filepath.Join(folder, fmt.Sprintf("%s-%s-%s-%s.webp", screen.name, language, theme, window.name)))
				}
			}
		}
	}
}

// save draws what is in the window, as small as a picture of letters may be.
func (p *tab) save(file string) {
	p.Helper()
	picture := call(p, page.CaptureScreenshot, page.CaptureScreenshotParams{Format: page.CaptureScreenshotFormatWebp, Quality: new(int64(80))}).Data
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		p.Fatal(err)
	}
	if err := os.WriteFile(file, picture, 0o644); err != nil {
		p.Fatal(err)
	}
}
