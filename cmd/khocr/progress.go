package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"sync"

	"github.com/mattn/go-runewidth"
	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/openplp/khocr/client"
	"github.com/openplp/khocr/internal/batch"
)

// display shows how documents come along: bars on a terminal, lines in a log, JSON for programs.
type display interface {
	tell(batch.Progress)
	// close ends it, when every document has come to an end or none will any more.
	close()
}

func (p *program) display(ctx context.Context, documents int, json bool) display {
	switch {
	case json:
		return &jsonLines{program: p}
	case isTerminal(p.errs):
		return newBars(ctx, p, documents)
	}
	return &lines{program: p}
}

// isEnd tells whether nothing comes after a stage.
func isEnd(stage batch.Stage) bool {
	switch stage {
	case batch.Done, batch.Kept, batch.HandedIn, batch.Failed, batch.Left:
		return true
	}
	return false
}

// state says in a few words how a document comes along.
func (p *program) state(now batch.Progress) said {
	l := p.language
	if now.Pause > 0 {
		return p.pauseText(now.Err, now.Pause)
	}
	switch now.Stage {
	case batch.Uploading:
		return sayUploading.in(l)
	case batch.Submitted, batch.HandedIn:
		return sayAccepted.in(l, now.JobID)
	case batch.Working:
		return p.jobState(now.Job)
	case batch.Fetching:
		return sayFetching.in(l)
	case batch.Done:
		return sayDone.in(l, now.Document.Result()) + p.readBy(now.Job)
	case batch.Kept:
		return sayKept.in(l, now.Document.Result())
	case batch.Failed:
		_, why := p.explain(now.Err)
		return sayFailed.in(l, why)
	}
	if now.Job != nil { // it failed for want of pages
		_, why := p.explain(now.Err)
		return why
	}
	return sayLeft.in(l)
}

// jobState says in a few words how a job stands.
func (p *program) jobState(job *client.Job) said {
	switch {
	case job.Status == client.QUEUED && job.Waiting != nil && job.Waiting.Position != nil:
		return sayPosition.in(p.language, *job.Waiting.Position)
	case job.Status == client.QUEUED:
		return sayQueued.in(p.language)
	case job.Pages != nil && job.Status == client.PROCESSING:
		return sayPages.in(p.language, job.Pages.Done, job.Pages.Total)
	case job.Status == client.PROCESSING:
		return sayWorking.in(p.language)
	}
	return statusWords[job.Status].in(p.language) + p.readBy(job)
}

// readBy says how many pages of a completed job have the text of its AI model, where one was to read them.
func (p *program) readBy(job *client.Job) said {
	read, others, ok := pagesByAI(job)
	if !ok {
		return ""
	}
	return sayReadBy.in(p.language, job.Ai.Model, read, others, job.Pages.Failed)
}

// pagesByAI counts the recognised pages of a completed job that have the text of the AI model which was to read them, and those
// that have the recogniser's.
func pagesByAI(job *client.Job) (read, others int32, ok bool) {
	if job == nil || job.Status != client.COMPLETED || job.Ai == nil || job.Ai.Role != client.Reader || job.Pages == nil {
		return 0, 0, false
	}
	if job.Pages.Ai != nil {
		read = *job.Pages.Ai
	}
	return read, job.Pages.Recognized - read, true
}

// lines are for logs: one where a document goes on to its job, one at its end, and what goes wrong between.
type lines struct {
	*program
	lock sync.Mutex
}

func (d *lines) tell(now batch.Progress) {
	if now.Stage != batch.Submitted && now.Pause == 0 && (!isEnd(now.Stage) || now.Stage == batch.HandedIn) {
		return
	}
	d.lock.Lock()
	defer d.lock.Unlock()
	_, _ = fmt.Fprintf(d.errs, "%s: %s\n", printable(now.Document.Path), d.state(now))
}

func (d *lines) close() {}

// jsonLines are for programs.
type jsonLines struct {
	*program
	lock sync.Mutex
}

// event is one line of them. docs/cli.md describes it.
type event struct {
	Event    string `json:"event"`
	Document string `json:"document"`
	Job      string `json:"job,omitempty"`
	Result   string `json:"result,omitempty"`
	Code     string `json:"code,omitempty"`
	Message  string `json:"message,omitempty"`
	// AI is there at the end of a document that an AI model was to read.
	AI *readByAI `json:"ai,omitempty"`
}

// readByAI tells how many recognised pages have the text of the model, and how many the recogniser's.
type readByAI struct {
	Model  string `json:"model"`
	Pages  int32  `json:"pages"`
	Others int32  `json:"others"`
}

func (d *jsonLines) tell(now batch.Progress) {
	if now.Stage != batch.Submitted && !isEnd(now.Stage) || now.Pause > 0 {
		return
	}
	e := event{Event: string(now.Stage), Document: now.Document.Path, Job: now.JobID}
	switch now.Stage {
	case batch.Done, batch.Kept:
		e.Result = now.Document.Result()
	case batch.Failed, batch.Left:
		if now.Err != nil {
			_, message := d.explain(now.Err)
			e.Code, e.Message = codeOf(now.Err), string(message)
		}
	}
	if now.Job != nil {
		e.Job = now.Job.Id
	}
	if read, others, ok := pagesByAI(now.Job); ok {
		e.AI = &readByAI{now.Job.Ai.Model, read, others}
	}
	d.lock.Lock()
	defer d.lock.Unlock()
	_ = writeJSON(d.out, e)
}

func (d *jsonLines) close() {}

// codeOf is the platform's word for an error, or one of ours where it did not come that far.
func codeOf(err error) string {
	if problem := new(client.ProblemError); errors.As(err, &problem) {
		return string(problem.Code)
	}
	if failed := new(batch.JobError); errors.As(err, &failed) {
		if failed.Job.Error == nil {
			return "job_cancelled"
		}
		return string(failed.Job.Error.Code)
	}
	switch {
	case errors.As(err, new(*batch.TooLargeError)):
		return "file_too_large"
	case errors.As(err, new(*batch.OccupiedError)):
		return "result_exists"
	case batch.IsQuota(err):
		return "page_quota_exceeded"
	case client.Temporary(err):
		return "unreachable"
	}
	return ""
}

// Columns of the bars: 80 have room for a name, a bar and a state.
const (
	nameWidth = 28
	barWidth  = 24
)

// bars are for terminals: one for each document at work, and below them one for all.
type bars struct {
	*program
	all   *mpb.Progress
	total *mpb.Bar

	lock sync.Mutex
	rows map[string]*row
}

// row is the bar of a document.
type row struct {
	bar   *mpb.Bar
	lock  sync.Mutex
	state said
}

func newBars(ctx context.Context, p *program, documents int) *bars {
	// The terminal shows ^C where the cursor is, and the bars expect that at the beginning of a line.
	context.AfterFunc(ctx, func() { _, _ = io.WriteString(p.errs, "\r") })
	b := &bars{program: p, rows: map[string]*row{}}
	b.all = mpb.New(mpb.WithOutput(p.errs), mpb.WithWidth(barWidth))
	b.total = b.all.New(int64(documents), barStyle(), mpb.BarPriority(documents+1),
		mpb.PrependDecorators(decor.Name(column(string(sayTotal.in(p.language))))),
		mpb.AppendDecorators(decor.CountersNoUnit(" %d / %d")))
	return b
}

func barStyle() mpb.BarStyleComposer {
	return mpb.BarStyle().Lbound("[").Filler("=").Tip(">").Padding(" ").Rbound("]")
}

// column is a text of a fixed width.
func column(text string) string {
	return runewidth.FillRight(runewidth.Truncate(text, nameWidth, "…"), nameWidth+1)
}

func (b *bars) tell(now batch.Progress) {
	b.lock.Lock()
	defer b.lock.Unlock()
	at, there := b.rows[now.Document.Path]
	if isEnd(now.Stage) {
		if there {
			delete(b.rows, now.Document.Path)
			at.bar.Abort(true)
		}
		if now.Stage != batch.Left || now.Job != nil {
			_, _ = fmt.Fprintf(b.all, "%s: %s\n", printable(now.Document.Path), b.state(now))
		}
		if now.Stage != batch.Left {
			b.total.Increment()
		}
		return
	}
	if !there {
		at = &row{}
		at.bar = b.all.New(100, barStyle(),
			mpb.PrependDecorators(decor.Name(column(printable(filepath.Base(now.Document.Path))))),
			mpb.AppendDecorators(decor.Any(func(decor.Statistics) string { return " " + string(at.now()) })))
		b.rows[now.Document.Path] = at
	}
	at.show(now, b.state(now))
}

func (b *bars) close() {
	b.total.Abort(false)
	b.all.Wait()
}

func (r *row) now() said {
	r.lock.Lock()
	defer r.lock.Unlock()
	return r.state
}

// show moves the bar, which runs once for the upload and then once for the pages.
func (r *row) show(now batch.Progress, state said) {
	r.lock.Lock()
	r.state = state
	r.lock.Unlock()
	switch {
	case now.Stage == batch.Uploading && now.Size > 0:
		r.bar.SetCurrent(min(99, 100*now.Sent/now.Size))
	case now.Stage == batch.Submitted:
		r.bar.SetCurrent(0)
	case now.Job != nil:
		r.bar.SetCurrent(min(99, int64(now.Job.Progress))) // it is full when the result is here
	}
}
