package web

import (
	"context"
	_ "embed"
	"testing"

	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

//go:embed testdata/axe.min.js
var axe string

// violation is what axe finds.
type violation struct {
	ID, Impact, Help string
	Nodes            []struct{ HTML string }
}

// testAccessible lets axe look at every screen, in both languages and themes.
func testAccessible(t *testing.T, s *site, browser context.Context) {
	e := makeExample(t, s, browser)
	for _, language := range []string{"km", "en"} {
		for _, dark := range []bool{false, true} {
			p := s.visit(t, browser, visit{language: language, dark: dark})
			p.do(chromedp.WaitVisible(chromedp.CSS("#key")))
			for _, screen := range e.screens() {
				if screen.goTo != nil {
					if screen.name == "convert" {
						p.signIn(e.key)
						p.do(chromedp.Click(chromedp.CSS("details summary")))
					}
					screen.goTo(p)
				}
				if screen.name == "result" {
					p.do(chromedp.Click(chromedp.CSS(".menu summary")), chromedp.Click(chromedp.CSS(`[data-w="1"]`)), chromedp.WaitVisible(chromedp.CSS(".editor input")))
				}
				for _, found := range p.violations() {
					if found.Impact == "serious" || found.Impact == "critical" {
						t.Errorf("%s in %s, dark %v: %s: %s, as in %s", screen.name, language, dark, found.ID, found.Help, found.Nodes[0].HTML)
					}
				}
			}
		}
	}
}

func (p *tab) violations() []violation {
	p.Helper()
	p.do(chromedp.Evaluate[chromedp.Void](axe + "\nundefined"))
	found, err := chromedp.Run(p.ctx, chromedp.Evaluate[[]violation](
		`axe.run(document, { resultTypes: ["violations"] }).then(results => results.violations)`,
		func(parameters *runtime.EvaluateParams) { parameters.AwaitPromise = new(true) }))
	if err != nil {
		p.Fatalf("axe: %v", err)
	}
	return found
}
