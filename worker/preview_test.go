package worker

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/openplp/khocr/internal/workerport"
)

// previews that the engine was asked for, in order of their pages.
func (p *pod) previewsAsked() []string {
	var asked []string
	for _, line := range readDiary(p.config.WorkDir) {
		if strings.HasPrefix(line, "preview ") {
			asked = append(asked, line)
		}
	}
	slices.Sort(asked)
	return asked
}

func TestThePreviewOfAPageIsStoredBeforeIt(t *testing.T) {
	p := newPod(t, script{Pages: 3, PageError: []int{2}})
	p.expect(t, workerport.ExitDone)
	want := map[int]string{1: previewOf(1), 3: previewOf(3)}
	if !maps.Equal(p.gateway.previews, want) {
		t.Errorf("previews = %v, want %v: a page without a result has none; log:\n%s", p.gateway.previews, want, p.log)
	}
}

func TestAPreviewThatGoesWrongCostsNoPage(t *testing.T) {
	refused := func(status int) func(*http.Request, int) (int, string) {
		return func(r *http.Request, _ int) (int, string) {
			if strings.HasSuffix(r.URL.Path, "/preview") {
				return status, "Refused"
			}
			return 0, ""
		}
	}
	for name, test := range map[string]struct {
		document script
		refuse   func(*http.Request, int) (int, string)
		stored   []int
	}{
		"an engine that crashes":              {document: script{PreviewCrash: []int{2}}, stored: []int{1, 3}},
		"an engine that hangs":                {document: script{PreviewHang: []int{2}}, stored: []int{1, 3}},
		"one that is too large":               {document: script{PreviewHuge: []int{2}}, stored: []int{1, 3}},
		"what is no preview":                  {document: script{PreviewWrong: []int{2}}, stored: []int{1, 3}},
		"a page that cannot be drawn":         {document: script{PreviewNone: []int{2}}, stored: []int{1, 3}},
		"a gateway that does not know them":   {refuse: refused(http.StatusNotFound)},
		"a gateway that will not have them":   {refuse: refused(http.StatusBadRequest)},
		"a gateway that finds them too large": {refuse: refused(http.StatusRequestEntityTooLarge)},
	} {
		t.Run(name, func(t *testing.T) {
			test.document.Pages = 3
			p := newPod(t, test.document)
			if test.document.PreviewHang != nil {
				p.gateway.ticket.PageTimeoutSeconds = 1
			}
			if test.refuse != nil {
				p.gateway.refuse = test.refuse
			}
			p.expect(t, workerport.ExitDone)
			for page := 1; page <= 3; page++ {
				if stored, ok := p.gateway.pages[page]; !ok || stored.Error != nil || p.asked(page) != 1 {
					t.Errorf("page %d is %+v, and was recognised %d times; log:\n%s", page, stored, p.asked(page), p.log)
				}
			}
			if got := slices.Sorted(maps.Keys(p.gateway.previews)); !slices.Equal(got, test.stored) {
				t.Errorf("there are previews of the pages %v, want %v", got, test.stored)
			}
		})
	}
}

func TestADocumentWhosePreviewsEndEnginesGetsNoMore(t *testing.T) {
	p := newPod(t, script{Pages: 9, PreviewCrash: []int{1, 2, 3, 4, 5, 6, 7, 8, 9}})
	p.config.CPULimit = 1
	p.expect(t, workerport.ExitDone)
	if got := len(p.previewsAsked()); got != maxPictureDeaths {
		t.Errorf("%d previews were asked for, want %d", got, maxPictureDeaths)
	}
	if len(p.gateway.pages) != 9 {
		t.Errorf("%d pages were stored", len(p.gateway.pages))
	}
}

func TestAWorkerThatIsToldToStopKeepsThePageAndNotThePreview(t *testing.T) {
	p := newPod(t, script{Pages: 1, PreviewHang: []int{1}})
	ctx, stop := context.WithCancel(t.Context())
	exit := make(chan int)
	go func() { exit <- p.run(ctx) }()
	await(t, "the preview to be at work", func() bool { return len(p.previewsAsked()) == 1 })
	stop()
	if got := <-exit; p.gateway.pages[1].Number != 1 || p.asked(1) != 1 {
		t.Errorf("exit code = %d, pages = %v; log:\n%s", got, p.gateway.pages, p.log)
	}
}
