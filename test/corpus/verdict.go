package corpus

import (
	"fmt"
	"slices"
	"time"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/internal/document"
)

// Observation is what was seen of one document.
type Observation struct {
	Document Document
	// Content of the document.
	Content []byte `json:"-"`
	Answer  Answer
	// Lost says how the supervisor ended; empty where it goes on.
	Lost string
	// Elapsed is the whole time that the document took.
	Elapsed time.Duration
	// Memory is the most in bytes that the supervisor and its engines had at the same time, Engine the most that one engine
	// had, and Disk the most that the work folder held.
	Memory, Engine, Disk int64
}

// Outcome of the document as its job would have it: Completed, or the reason of its failure.
func (o Observation) Outcome() string {
	switch {
	case o.Lost != "":
		return "supervisor lost"
	case o.Answer.Refused != "":
		return reasonOf(o.Answer.Refused)
	case !slices.ContainsFunc(o.Answer.Pages, func(page Page) bool { return page.Code == "" }):
		return v1alpha1.ReasonAllPagesFailed
	}
	return v1alpha1.ReasonCompleted
}

const (
	// margin is what a document may take beside its pages, on a machine that is busy with others.
	margin = time.Minute
	// besides are the times that others than pages may take as long as a page: the document is opened twice, where the first
	// engine dies of it, and so often is it made searchable, by an engine that opens it for that.
	besides = 5
	// workRoom in bytes is what the folder of a pod holds besides three times the document.
	workRoom = 768 << 20
)

// timeLimit of a document that has so many pages without a result, each of which may be tried for its whole time by one of the
// engines and once more alone; others are quick.
func (l Limits) timeLimit(failed int) time.Duration {
	return time.Duration(besides+2*failed)*time.Duration(l.PageSeconds)*time.Second + margin
}

// pageErrors are the codes of pages.
var pageErrors = []string{document.PageErrorCrashed, document.PageErrorTimeout, document.PageErrorTooLarge, document.PageErrorUnreadable}

var sources = []document.Source{document.SourceNative, document.SourceLegacy, document.SourceOCR, document.SourceMixed, document.SourceNone}

// breaches are what the platform promises of a document and did not hold.
func breaches(o Observation, limits Limits) []string {
	if o.Lost != "" {
		return []string{"the supervisor was lost: " + o.Lost}
	}
	var found []string
	claim := func(holds bool, format string, values ...any) {
		if !holds {
			found = append(found, fmt.Sprintf(format, values...))
		}
	}
	failed := 0
	for i, page := range o.Answer.Pages {
		claim(page.Number == i+1, "page %d comes as number %d", page.Number, i+1)
		claim(slices.Contains(sources, page.Source), "page %d has the source %q", page.Number, page.Source)
		claim(page.Reason != "", "page %d has no reason", page.Number)
		if page.Code != "" {
			failed++
			claim(slices.Contains(pageErrors, page.Code), "page %d has the error %q", page.Number, page.Code)
			claim(page.Message != "", "page %d fails without a message", page.Number)
			claim(!page.Text, "page %d fails and has text", page.Number)
		}
	}
	if o.Answer.Refused != "" {
		claim(v1alpha1.IsDocumentReason(reasonOf(o.Answer.Refused)), "the document is refused without a reason of the contract: %.200s", o.Answer.Refused)
	} else {
		claim(len(o.Answer.Pages) > 0, "the document has no pages")
	}
	claim(o.Elapsed <= limits.timeLimit(failed), "it took %.1f s, with %d pages that failed, of %.0f", o.Elapsed.Seconds(), failed, limits.timeLimit(failed).Seconds())
	claim(o.Memory <= limits.Memory, "supervisor and engines had %d MB together, of %d", o.Memory>>20, limits.Memory>>20)
	room := 3*int64(len(o.Content)) + workRoom
	claim(o.Disk <= room, "the work folder held %d MB, of %d", o.Disk>>20, room>>20)
	claim(len(o.Answer.Left) == 0, "it left %q in the work folder", o.Answer.Left)
	before, after := o.Answer.Before, o.Answer.After
	claim(after.Goroutines <= before.Goroutines, "goroutines grew from %d to %d", before.Goroutines, after.Goroutines)
	claim(after.Files <= before.Files, "open files grew from %d to %d", before.Files, after.Files)
	claim(after.Children == 0, "%d engines are left", after.Children)
	return append(found, o.Answer.Defects...)
}
