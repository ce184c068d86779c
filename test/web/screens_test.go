package web

import (
	"context"
	"testing"

	"github.com/chromedp/chromedp"
)

// A screen of the page, and how to come there once one is signed in.
type screen struct {
	name string
	// goTo is for the one who is signed in; nil for the screen without a key.
	goTo func(p *tab)
}

// example is an organization with something on every screen: a document that was read and corrected, one that failed, one that was
// cancelled, and one at work.
type example struct {
	key, read string
}

func makeExample(t *testing.T, s *site, browser context.Context) example {
	t.Helper()
	p := s.visit(t, browser, visit{})
	p.signIn(s.key)
	p.choose(sample(t, "sample.pdf"), sample(t, "pages3.tiff"), sample(t, "password.pdf"))
	p.await("all jobs have ended", `document.querySelectorAll('.file .badge:is([data-status=COMPLETED], [data-status=FAILED])').length === 3`)
	p.do(chromedp.Click(`//li[contains(., "sample.pdf")]//a`))
	p.await("the address is the job's", `location.hash.startsWith("#/jobs/")`)
	return example{key: s.key, read: value[string](p, `location.hash`)}
}

func (e example) screens() []screen {
	to := func(hash, until string) func(*tab) {
		return func(p *tab) {
			p.do(chromedp.Evaluate[chromedp.Void](`location.hash = ` + quoted(hash)))
			p.await("the screen "+hash+" is there", until)
		}
	}
	return []screen{
		{"signin", nil},
		{"convert", to("#/", `document.querySelector('.drop')`)},
		{"jobs", to("#/jobs", `document.querySelectorAll('.file').length > 2`)},
		{"result", to(e.read, `document.querySelector('.paper img')?.complete && document.querySelectorAll('.word').length > 5`)},
		{"usage", to("#/usage", `document.querySelector('.chart')`)},
		{"keys", to("#/keys", `document.querySelector('table')`)},
	}
}
