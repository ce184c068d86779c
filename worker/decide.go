package worker

import (
	"fmt"
	"time"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/internal/document"
	"github.com/openplp/khocr/internal/pagerange"
	"github.com/openplp/khocr/internal/workerport"
)

const (
	// supervisorMemory is what children leave of the pod's memory to the supervisor, in bytes: it takes 30 to 40 MB, more
	// while it holds pages of the largest size.
	supervisorMemory = 128 << 20
	// minChildMemory in bytes is the least that a child gets: one that has done many pages takes 0.4 GiB. Where the pod has
	// less for each core, there are fewer children.
	minChildMemory = 512 << 20
)

// childCount is the number of engine children for a pod of the given limits (cores, bytes).
func childCount(cpuLimit int, memoryLimit int64) int {
	return max(1, min(cpuLimit, int((memoryLimit-supervisorMemory)/minChildMemory)))
}

// childMemory is the address space in bytes that each of the given number of children may take, so that all of them and
// the supervisor stay under the pod's limit.
func childMemory(memoryLimit int64, children int) int64 {
	return max(memoryLimit/2, memoryLimit-supervisorMemory) / int64(children)
}

// SoftMemoryLimit is how much memory in bytes the supervisor may have before it collects its garbage sooner: three quarters of
// what all children together leave it. The rest is for what the runtime does not count, such as the program itself.
func (c Config) SoftMemoryLimit() int64 {
	return (c.MemoryLimit - childMemory(c.MemoryLimit, 1)) / 4 * 3
}

// plan is the work that is ahead.
type plan struct {
	// pages to process, in order.
	pages []int
	// counts of all pages of the part; those stored by earlier attempts are done.
	counts v1alpha1.PageCounts
	// asked is how many pages were asked for, in all parts together.
	asked int32
}

// makePlan lays out the work for a ticket once the document has told that it has total pages.
func makePlan(ticket *workerport.Ticket, total int) (plan, *failure) {
	if total < 1 {
		return plan{}, badDocument(v1alpha1.ReasonEmptyDocument, "The document has no pages.")
	}
	ranges, err := pagerange.Parse(ticket.Pages, total)
	if err != nil {
		return plan{}, badDocument(v1alpha1.ReasonPagesOutOfRange, fmt.Sprintf("The pages asked for cannot be read: %v.", err))
	}
	count := ranges.Count()
	switch {
	case count == 0:
		return plan{}, badDocument(v1alpha1.ReasonPagesOutOfRange,
			fmt.Sprintf("The document has %d pages, none of those asked for.", total))
	case ranges[len(ranges)-1].Last > ticket.MaxPages:
		// By the number of the page and not by how many there are: the internal port stores none beyond.
		return plan{}, badDocument(v1alpha1.ReasonTooManyPages,
			fmt.Sprintf("The document has %d pages; those beyond page %d cannot be processed.", total, ticket.MaxPages))
	}

	stored := make(map[int]workerport.StoredPage, len(ticket.Stored))
	for _, page := range ticket.Stored {
		stored[page.Number] = page
	}
	first, last := ticket.Partition.Share(ticket.Part, int32(count))
	work := plan{asked: int32(count), counts: v1alpha1.PageCounts{Total: last - first + 1}}
	for _, r := range ranges.Share(int(first), int(last)) {
		for page := r.First; page <= r.Last; page++ {
			if done, ok := stored[page]; ok {
				work.counts = countPage(work.counts, done)
			} else {
				work.pages = append(work.pages, page)
			}
		}
	}
	return work, nil
}

// countPage adds a page that is done.
func countPage(counts v1alpha1.PageCounts, page workerport.StoredPage) v1alpha1.PageCounts {
	counts.Done++
	if page.AI {
		counts.AI++
	}
	switch page.Outcome {
	case document.OutcomeNative:
		counts.Native++
	case document.OutcomeRecognized:
		counts.Recognized++
	case document.OutcomeFailed:
		counts.Failed++
	}
	return counts
}

// ending is how one try of a page ended.
type ending int

const (
	// answered: the child sent the page.
	answered ending = iota
	// timedOut: the child took longer than a page may, and was killed.
	timedOut
	// died: the child ended, or what it said was not an answer.
	died
)

// round is a pass over pages. In the first one, as many children as the pod has room for share the memory. The pages that
// a child died of are tried once more in the last round: one after the other, each in a fresh child with all the memory,
// because an allocation that failed shows as any kind of death, in C libraries most of all.
type round int

const (
	firstRound round = iota
	lastRound
)

// judge says what is to be done about a try of a page: store the child's answer (neither result), try the page again in
// the last round, or store the page with the error.
func judge(e ending, r round) (again bool, pageError *document.PageError) {
	switch {
	case e == timedOut:
		// No second try: it would cost the same time again, and a hang is seldom a matter of luck.
		return false, &document.PageError{Code: document.PageErrorTimeout, Message: "The page took longer than a page may take."}
	case e == died && r == firstRound:
		return true, nil
	case e == died:
		return false, &document.PageError{Code: document.PageErrorCrashed, Message: "The engine failed on the page."}
	}
	return false, nil
}

// failedPage is the result of a page that could not be processed.
func failedPage(number int, pageError *document.PageError, took time.Duration, now time.Time) *document.Page {
	return &document.Page{
		Number:       number,
		Source:       document.SourceNone,
		Reason:       pageError.Code,
		Milliseconds: took.Milliseconds(),
		ProcessedAt:  now.UTC(),
		Lines:        []document.Line{},
		Error:        pageError,
	}
}
