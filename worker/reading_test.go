package worker

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/internal/document"
	"github.com/openplp/khocr/internal/workerport"
	"github.com/openplp/khocr/worker/wire"
)

// newReadPod is a pod whose document an AI model reads.
func newReadPod(t *testing.T, document script) *pod {
	t.Helper()
	p := newPod(t, document)
	p.gateway.ticket.AI = &workerport.AITask{Role: "reader", MaxSide: 1024, MediaType: "image/jpeg", TimeoutSeconds: 60, AtOnce: 2}
	return p
}

func TestRecognisedPagesGoToTheModelThatReads(t *testing.T) {
	p := newReadPod(t, script{Pages: 4, Native: []int{2}, PageError: []int{3}, CrashOnce: []int{4}})
	p.expect(t, workerport.ExitDone)

	var asked []int
	for _, reading := range p.gateway.readings {
		number := reading.page.Number
		asked = append(asked, number)
		want := map[string]wire.Image{"image": {MediaType: "image/jpeg", Content: []byte(drawingOf(number, document.Box{}))}}
		if !reflect.DeepEqual(reading.images, want) || reading.page.Model != "khmer" || reading.page.Text != "auto script/Khmer" {
			t.Errorf("the model was asked about %+v by %v", reading.page, reading.images)
		}
	}
	slices.Sort(asked)
	if !slices.Equal(asked, []int{1, 4}) {
		t.Errorf("the model was asked about the pages %v, want 1 and 4", asked)
	}
	want := map[int]document.Outcome{1: recognized, 2: native, 3: failed, 4: recognized}
	if got := p.gateway.outcomes(); !reflect.DeepEqual(got, want) {
		t.Errorf("stored pages = %v, want %v", got, want)
	}
	counts := v1alpha1.PageCounts{Total: 4, Done: 4, Native: 1, Recognized: 2, Failed: 1, AI: 2}
	if got := p.cluster.progress(); got[len(got)-1] != counts {
		t.Errorf("progress = %+v, want %+v at last", got, counts)
	}
	if got := p.gateway.searchable["appendix"]; got != "1:the model's text 3:auto script/Khmer 4:the model's text " {
		t.Errorf("the searchable PDF was made of %q", got)
	}
	if p.gateway.previews[1] != previewOf(1) {
		t.Errorf("previews = %v", p.gateway.previews)
	}
}

func TestUnsureLinesGoToTheModelThatCorrects(t *testing.T) {
	p := newPod(t, script{Pages: 3, Lines: map[int][]float64{1: {90, 50, 60, 40}, 2: {90, 75}}})
	p.gateway.ticket.AI = &workerport.AITask{
		Role: "corrector", MaxSide: 1024, MediaType: "image/png", TimeoutSeconds: 60, AtOnce: 2, UnsureBelow: 75, MaxLines: 2,
	}
	p.expect(t, workerport.ExitDone)
	want := map[string]wire.Image{
		"line-1": {MediaType: "image/png", Content: []byte(drawingOf(1, lineBox(1)))},
		"line-3": {MediaType: "image/png", Content: []byte(drawingOf(1, lineBox(3)))},
	}
	if asked := p.gateway.readings; len(asked) != 1 || asked[0].page.Number != 1 || !reflect.DeepEqual(asked[0].images, want) {
		t.Errorf("the model was asked %v, want of the two least sure lines of page 1", asked)
	}
	if got, want := p.cluster.progress(), (v1alpha1.PageCounts{Total: 3, Done: 3, Recognized: 3}); got[len(got)-1] != want {
		t.Errorf("progress = %+v, want %+v at last", got, want)
	}
}

func TestAPageThatNobodyReadIsAFailedOne(t *testing.T) {
	p := newReadPod(t, script{Pages: 1})
	p.gateway.model = func(_ context.Context, asked reading) *document.Page {
		page := failedPage(1, &document.PageError{Code: document.PageErrorNotRead, Message: "The model did not read the page."}, 0, asked.page.ProcessedAt)
		page.AI = &document.AI{Model: "gemma", Role: document.RoleReader, Reason: document.AITimeout, Attempts: 2}
		return page
	}
	p.expect(t, workerport.ExitDone)
	if got, want := p.cluster.progress(), (v1alpha1.PageCounts{Total: 1, Done: 1, Failed: 1}); got[len(got)-1] != want {
		t.Errorf("progress = %+v, want %+v at last", got, want)
	}
	if got := p.gateway.searchable["appendix"]; got != "" {
		t.Errorf("the searchable PDF was made of %q", got)
	}
}

func TestImagesThatGoWrongCostNoPage(t *testing.T) {
	drawn := func(images ...wire.Image) map[int]wire.Response {
		return map[int]wire.Response{2: {Drawn: &wire.Drawn{Images: images}}}
	}
	image := wire.Image{MediaType: "image/jpeg", Content: []byte("x")}
	for name, test := range map[string]struct {
		document script
		// lost tells that the child is of no more use.
		lost bool
	}{
		"an engine that crashes":      {script{DrawCrash: []int{2}}, true},
		"an engine that hangs":        {script{DrawHang: []int{2}}, true},
		"an answer of 100 MB":         {script{DrawFlood: []int{2}}, true},
		"another answer":              {script{DrawAs: map[int]wire.Response{2: {Opened: &wire.Opened{Pages: 1}}}}, true},
		"an error":                    {script{DrawAs: map[int]wire.Response{2: {Error: &wire.Error{Reason: "InvalidDocument"}}}}, true},
		"too many images":             {script{DrawAs: drawn(image, image)}, true},
		"a thousand images":           {script{DrawAs: drawn(slices.Repeat([]wire.Image{image}, 1000)...)}, true},
		"an image of another type":    {script{DrawAs: drawn(wire.Image{MediaType: "text/html", Content: []byte("<script>")})}, true},
		"a type that ends a header":   {script{DrawAs: drawn(wire.Image{MediaType: "image/png\r\nX: y", Content: []byte("x")})}, true},
		"an image that is too large":  {script{DrawAs: drawn(wire.Image{MediaType: "image/png", Content: make([]byte, workerport.MaxImageBytes+1)})}, true},
		"an image that is not drawn":  {script{DrawAs: drawn(wire.Image{})}, false},
		"a page that cannot be drawn": {script{DrawAs: drawn()}, false},
	} {
		t.Run(name, func(t *testing.T) {
			test.document.Pages = 3
			p := newReadPod(t, test.document)
			p.config.CPULimit = 1
			if test.document.DrawHang != nil {
				p.gateway.ticket.PageTimeoutSeconds = 1
			}
			p.expect(t, workerport.ExitDone)
			for number := 1; number <= 3; number++ {
				if page, ok := p.gateway.pages[number]; !ok || page.Error != nil || p.asked(number) != 1 || page.AI.Used != (number != 2) {
					t.Errorf("page %d is %+v, with %+v, and was recognised %d times; log:\n%s", number, page, page.AI, p.asked(number), p.log)
				}
			}
			if got := p.cluster.progress(); got[len(got)-1].AI != 2 {
				t.Errorf("progress = %v", got)
			}
			if lost := strings.Contains(p.log.String(), "Engine was lost"); lost != test.lost {
				t.Errorf("the engine was lost: %v, want %v; log:\n%s", lost, test.lost, p.log)
			}
		})
	}
}

func TestADocumentWhoseImagesEndEnginesGetsNoMore(t *testing.T) {
	p := newReadPod(t, script{Pages: 6, DrawCrash: []int{1, 2, 3, 4, 5, 6}})
	p.config.CPULimit = 1
	p.expect(t, workerport.ExitDone)
	drawn := 0
	for _, line := range readDiary(p.config.WorkDir) {
		if strings.HasPrefix(line, "draw ") {
			drawn++
		}
	}
	if drawn != maxPictureDeaths || len(p.gateway.pages) != 6 {
		t.Errorf("%d pages were drawn and %d stored, want %d and 6", drawn, len(p.gateway.pages), maxPictureDeaths)
	}
}

func TestAReadingThatGoesWrongIsAskedForAgain(t *testing.T) {
	for name, refuse := range map[string]func(*http.Request, int) (int, string){
		"a gateway that is full": func(_ *http.Request, try int) (int, string) {
			if try <= 2 {
				return http.StatusServiceUnavailable, "Busy"
			}
			return 0, ""
		},
		"a connection that breaks": func(_ *http.Request, try int) (int, string) {
			if try == 1 {
				panic(http.ErrAbortHandler)
			}
			return 0, ""
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := newReadPod(t, script{Pages: 3})
			p.gateway.refuse = func(r *http.Request, try int) (int, string) {
				if r.Method == http.MethodPost {
					return refuse(r, try)
				}
				return 0, ""
			}
			p.expect(t, workerport.ExitDone)
			if got := p.cluster.progress(); got[len(got)-1].AI != 3 || p.asked(1)+p.asked(2)+p.asked(3) != 3 {
				t.Errorf("progress = %v; log:\n%s", got, p.log)
			}
		})
	}
}

func TestAnAnswerThatIsNoPageIsNotBelieved(t *testing.T) {
	for name, said := range map[string]string{
		"nothing":                "",
		"no JSON":                "<html>",
		"no page":                "[]",
		"one without a number":   "{}",
		"another page":           `{"page":2,"source":"ocr","lines":[]}`,
		"what is no page's list": `{"page":1,"source":"ocr","lines":[1,2]}`,
		"an endless page":        `{"page":1,"source":"ocr","text":"` + strings.Repeat("x", workerport.MaxPageBytes) + `"}`,
		"a page that is cut off": `{"page":1,"source":"ocr"`,
	} {
		t.Run(name, func(t *testing.T) {
			p := newReadPod(t, script{Pages: 1})
			answer := p.gateway.server.Config.Handler
			var once sync.Once
			p.gateway.server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				first := false
				if r.Method == http.MethodPost {
					once.Do(func() { first = true })
				}
				if first {
					_, _ = io.Copy(io.Discard, r.Body)
					_, _ = io.WriteString(w, said)
					return
				}
				answer.ServeHTTP(w, r)
			})
			p.expect(t, workerport.ExitDone)
			if page := p.gateway.pages[1]; page.Text != "the model's text" {
				t.Errorf("the page is %+v; log:\n%s", page, p.log)
			}
		})
	}
}

func TestAQuestionThatIsRefusedIsAskedWithoutImages(t *testing.T) {
	for name, test := range map[string]struct {
		refused int
		code    string
	}{
		"for its images":    {refused: 1},
		"whatever it holds": {refused: 9, code: document.PageErrorUnreadable},
	} {
		t.Run(name, func(t *testing.T) {
			p := newReadPod(t, script{Pages: 1})
			p.gateway.refuse = func(r *http.Request, try int) (int, string) {
				if r.Method == http.MethodPost && try <= test.refused {
					return http.StatusBadRequest, "InvalidImage"
				}
				return 0, ""
			}
			p.expect(t, workerport.ExitDone)
			if test.code != "" {
				if got := p.gateway.errorCode(t, 1); got != test.code || p.gateway.tries["POST "+workerport.ReadingPath(1)] != 2 {
					t.Errorf("error = %s, want %s; tries are %v", got, test.code, p.gateway.tries)
				}
				return
			}
			if page := p.gateway.pages[1]; len(p.gateway.readings) != 1 || page.AI == nil || page.AI.Reason != document.AINoImage {
				t.Errorf("the page is %+v", page)
			}
		})
	}
}

func TestAJobThatEndsWhileTheModelReadsEndsTheWorker(t *testing.T) {
	p := newReadPod(t, script{Pages: 3})
	p.gateway.refuse = func(r *http.Request, _ int) (int, string) {
		if r.URL.Path == workerport.ReadingPath(2) {
			return http.StatusGone, "JobEnded"
		}
		return 0, ""
	}
	p.gateway.model = func(ctx context.Context, asked reading) *document.Page {
		<-ctx.Done() // others are given up for it
		return nil
	}
	p.expect(t, workerport.ExitTemporary)
	if got := p.termination(t).Reason; got != reasonJobEnded || len(p.gateway.pages) != 0 {
		t.Errorf("reason = %s, want %s; pages are %v", got, reasonJobEnded, p.gateway.pages)
	}
}

func TestPagesAreRecognisedWhileOthersWaitForTheModel(t *testing.T) {
	p := newReadPod(t, script{Pages: 5})
	p.config.CPULimit = 1
	free := make(chan struct{})
	var mutex sync.Mutex
	atOnce, most := 0, 0
	p.gateway.model = func(ctx context.Context, asked reading) *document.Page {
		mutex.Lock()
		atOnce++
		most = max(most, atOnce)
		mutex.Unlock()
		<-free
		mutex.Lock()
		atOnce--
		mutex.Unlock()
		return readByModel(ctx, asked)
	}
	exit := make(chan int)
	go func() { exit <- p.run(t.Context()) }()
	await(t, "two pages to wait for the model, and a third to be recognised", func() bool {
		return len(p.gateway.asked()) == 2 && slices.Contains(readDiary(p.config.WorkDir), "preview 3")
	})
	if p.asked(4) != 0 {
		t.Error("the fourth page was begun while there is no room for it")
	}
	close(free)
	if got := <-exit; got != workerport.ExitDone || len(p.gateway.pages) != 5 || most != 2 {
		t.Errorf("exit code = %d with %d pages, %d at the model at once, want 2; log:\n%s", got, len(p.gateway.pages), most, p.log)
	}
}

func TestAWorkerThatIsToldToStopGivesUpWhatWaitsForTheModel(t *testing.T) {
	p := newReadPod(t, script{Pages: 4, Native: []int{4}})
	p.config.CPULimit = 1
	p.gateway.model = func(ctx context.Context, asked reading) *document.Page {
		if asked.page.Number == 1 {
			return readByModel(ctx, asked)
		}
		<-ctx.Done()
		return nil
	}
	ctx, stop := context.WithCancel(t.Context())
	exit := make(chan int)
	go func() { exit <- p.run(ctx) }()
	await(t, "two pages to wait for the model", func() bool { return len(p.gateway.asked()) == 3 })
	stop()
	if got := <-exit; got != workerport.ExitTemporary || p.termination(t).Reason != reasonTerminated {
		t.Errorf("exit code = %d, %+v; log:\n%s", got, p.termination(t), p.log)
	}
	if got := p.gateway.outcomes(); len(got) != 1 && len(got) != 2 || got[1] != recognized {
		t.Errorf("stored pages = %v, want 1, and 4 if it came to that", got)
	}

	// The next attempt has the rest read.
	for number, page := range p.gateway.pages {
		stored := workerport.Stored(&page)
		if stored.Number != number || stored.AI != (number == 1) {
			t.Errorf("page %d is stored as %+v", number, stored)
		}
		p.gateway.ticket.Stored = append(p.gateway.ticket.Stored, stored)
	}
	p.gateway.model = readByModel
	p.expect(t, workerport.ExitDone)
	if got, want := p.cluster.progress(), (v1alpha1.PageCounts{Total: 4, Done: 4, Native: 1, Recognized: 3, AI: 3}); got[len(got)-1] != want {
		t.Errorf("progress = %+v, want %+v at last", got, want)
	}
	if slices.Sort(p.gateway.order); !slices.Equal(p.gateway.order, []int{1, 2, 3, 4}) || p.asked(1) != 1 {
		t.Errorf("pages were stored in the order %v, and the first recognised %d times", p.gateway.order, p.asked(1))
	}
}

func TestAWorkerThatIsToldToStopAsksTheModelNoMore(t *testing.T) {
	p := newReadPod(t, script{Pages: 1, Gate: map[int]string{1: "go"}})
	ctx, stop := context.WithCancel(t.Context())
	exit := make(chan int)
	go func() { exit <- p.run(ctx) }()
	await(t, "the page to be at work", func() bool { return p.asked(1) == 1 })
	stop()
	if err := os.WriteFile(filepath.Join(p.config.WorkDir, "go"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := <-exit; got != workerport.ExitTemporary || len(p.gateway.readings)+len(p.gateway.pages) != 0 {
		t.Errorf("exit code = %d, asked %v, stored %v", got, p.gateway.readings, p.gateway.pages)
	}
}

// What waits for minutes must not be held twice.
func TestAQuestionIsSentWithoutACopy(t *testing.T) {
	asked := &question{
		outline: document.Page{Number: 1}, page: bytes.Repeat([]byte("p"), 4<<20),
		images: []namedImage{{"image", wire.Image{MediaType: "image/png", Content: bytes.Repeat([]byte("i"), 2<<20)}}},
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	form, err := asked.form()
	if err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if allocated := after.TotalAlloc - before.TotalAlloc; allocated > 1<<20 {
		t.Errorf("%d bytes were allocated", allocated)
	}
	content, err := io.ReadAll(form.content)
	if err != nil || int64(len(content)) != form.size {
		t.Fatalf("%d bytes, %v, want %d", len(content), err, form.size)
	}
	_, parameters, err := mime.ParseMediaType(form.mediaType)
	if err != nil {
		t.Fatal(err)
	}
	parts, err := multipart.NewReader(bytes.NewReader(content), parameters["boundary"]).ReadForm(8 << 20)
	if err != nil || parts.Value["page"][0] != string(asked.page) || parts.Value["image"][0] != string(asked.images[0].Content) {
		t.Errorf("the form is not what was asked: %v", err)
	}
}

func TestAnOutlineTakesNoMoreThanItsJSON(t *testing.T) {
	content := []byte(`{"page":7,"source":"ocr","text":"ok","ai":{"model":"gemma","role":"reader","used":true},"lines":[{}` + strings.Repeat(",{}", 1<<20) + `]}`)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	page, err := outlineOf(content, 7)
	runtime.ReadMemStats(&after)
	if err != nil || page.Text != "ok" || !workerport.Stored(page).AI {
		t.Fatalf("%+v, %v", page, err)
	}
	if allocated := after.TotalAlloc - before.TotalAlloc; allocated > uint64(len(content)) {
		t.Errorf("%d bytes were allocated for %d", allocated, len(content))
	}
	if whole, err := json.Marshal(page); err != nil || len(whole) > 1000 {
		t.Errorf("the outline has %d bytes, %v", len(whole), err)
	}
}
