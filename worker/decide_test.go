package worker

import (
	"slices"
	"testing"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/internal/document"
	"github.com/openplp/khocr/internal/workerport"
)

func TestMakePlan(t *testing.T) {
	stored := []workerport.StoredPage{{Number: 1, Outcome: document.OutcomeNative}, {Number: 4, Outcome: document.OutcomeRecognized}}
	for name, test := range map[string]struct {
		ticket workerport.Ticket
		total  int
		pages  []int
		counts v1alpha1.PageCounts
		asked  int32
		reason string
	}{
		"all pages": {
			ticket: workerport.Ticket{MaxPages: 3}, total: 3,
			pages: []int{1, 2, 3}, counts: v1alpha1.PageCounts{Total: 3},
		},
		"stored pages are done": {
			ticket: workerport.Ticket{MaxPages: 9, Stored: stored}, total: 5,
			pages: []int{2, 3, 5}, counts: v1alpha1.PageCounts{Total: 5, Done: 2, Native: 1, Recognized: 1},
		},
		"stored pages that are not asked for do not count": {
			ticket: workerport.Ticket{MaxPages: 9, Stored: stored, Pages: "4-5"}, total: 5,
			pages: []int{5}, counts: v1alpha1.PageCounts{Total: 2, Done: 1, Recognized: 1},
		},
		"pages whose text is an AI model's count as such": {
			ticket: workerport.Ticket{MaxPages: 9, Stored: []workerport.StoredPage{{Number: 2, Outcome: document.OutcomeRecognized, AI: true}}}, total: 2,
			pages: []int{1}, counts: v1alpha1.PageCounts{Total: 2, Done: 1, Recognized: 1, AI: 1},
		},
		"everything is stored": {
			ticket: workerport.Ticket{MaxPages: 9, Stored: stored, Pages: "1,4"}, total: 5,
			counts: v1alpha1.PageCounts{Total: 2, Done: 2, Native: 1, Recognized: 1},
		},
		"the first of two parts": {
			ticket: workerport.Ticket{MaxPages: 9, Stored: stored, Pages: "1-3,6-8", Partition: &v1alpha1.Partition{PagesPerWorker: 3, MaxWorkers: 2}}, total: 7,
			pages: []int{2}, counts: v1alpha1.PageCounts{Total: 2, Done: 1, Native: 1}, asked: 5,
		},
		"the second of two parts": {
			ticket: workerport.Ticket{MaxPages: 9, Part: 1, Stored: stored, Pages: "1-3,6-8", Partition: &v1alpha1.Partition{PagesPerWorker: 3, MaxWorkers: 2}}, total: 7,
			pages: []int{3, 6, 7}, counts: v1alpha1.PageCounts{Total: 3}, asked: 5,
		},
		"a part that there is none of": {
			ticket: workerport.Ticket{MaxPages: 9, Part: 2, Partition: &v1alpha1.Partition{PagesPerWorker: 3, MaxWorkers: 2}}, total: 7, asked: 7,
		},
		"a document that is not cut": {
			ticket: workerport.Ticket{MaxPages: 9, Partition: &v1alpha1.Partition{PagesPerWorker: 3, MaxWorkers: 2}}, total: 3,
			pages: []int{1, 2, 3}, counts: v1alpha1.PageCounts{Total: 3},
		},
		"one page too many":                {ticket: workerport.Ticket{MaxPages: 3}, total: 4, reason: v1alpha1.ReasonTooManyPages},
		"a page count that cannot be true": {ticket: workerport.Ticket{MaxPages: 3}, total: 2_000_000_000, reason: v1alpha1.ReasonTooManyPages},
		"pages beyond the end":             {ticket: workerport.Ticket{MaxPages: 3, Pages: "5-9"}, total: 4, reason: v1alpha1.ReasonPagesOutOfRange},
		"pages that cannot be read":        {ticket: workerport.Ticket{MaxPages: 3, Pages: "x"}, total: 4, reason: v1alpha1.ReasonPagesOutOfRange},
		"a document without pages":         {ticket: workerport.Ticket{MaxPages: 3}, total: 0, reason: v1alpha1.ReasonEmptyDocument},
		"a page count below zero":          {ticket: workerport.Ticket{MaxPages: 3}, total: -4, reason: v1alpha1.ReasonEmptyDocument},
		"pages below the limit of a longer document": {
			ticket: workerport.Ticket{MaxPages: 3, Pages: "3"}, total: 9,
			pages: []int{3}, counts: v1alpha1.PageCounts{Total: 1},
		},
		"one page beyond the limit": {ticket: workerport.Ticket{MaxPages: 3, Pages: "4"}, total: 9, reason: v1alpha1.ReasonTooManyPages},
	} {
		t.Run(name, func(t *testing.T) {
			got, bad := makePlan(&test.ticket, test.total)
			if test.asked == 0 {
				test.asked = test.counts.Total // all is one part
			}
			switch {
			case test.reason != "" && (bad == nil || bad.termination.Reason != test.reason || bad.exitCode != workerport.ExitBadDocument):
				t.Errorf("failure = %v, want %s", bad, test.reason)
			case test.reason == "" && (bad != nil || !slices.Equal(got.pages, test.pages) || got.counts != test.counts || got.asked != test.asked):
				t.Errorf("plan = %+v, %v, want %v, %+v of %d", got, bad, test.pages, test.counts, test.asked)
			}
		})
	}
}

func TestJudge(t *testing.T) {
	for name, test := range map[string]struct {
		ending ending
		round  round
		again  bool
		code   string
	}{
		"an answer stands":                      {answered, firstRound, false, ""},
		"an answer in the last round stands":    {answered, lastRound, false, ""},
		"a death is tried again":                {died, firstRound, true, ""},
		"a death in the last round is an error": {died, lastRound, false, document.PageErrorCrashed},
		"a hang is an error at once":            {timedOut, firstRound, false, document.PageErrorTimeout},
		"a hang in the last round is no other":  {timedOut, lastRound, false, document.PageErrorTimeout},
	} {
		t.Run(name, func(t *testing.T) {
			again, pageError := judge(test.ending, test.round)
			if again != test.again || (pageError == nil) != (test.code == "") || pageError != nil && pageError.Code != test.code {
				t.Errorf("judge = %v, %v, want %v, %q", again, pageError, test.again, test.code)
			}
		})
	}
}

func TestChildrenStayUnderTheMemoryLimit(t *testing.T) {
	const mebibyte = 1 << 20
	for name, test := range map[string]struct {
		cpu    int
		memory int64
		want   int
	}{
		"one for each core":                           {2, 2048 * mebibyte, 2},
		"fewer than cores where memory is short":      {4, 1280 * mebibyte, 2},
		"one in the smallest pod":                     {4, 256 * mebibyte, 1},
		"one where there is nothing left for a child": {4, 64 * mebibyte, 1},
	} {
		t.Run(name, func(t *testing.T) {
			got := childCount(test.cpu, test.memory)
			if got != test.want {
				t.Errorf("childCount = %d, want %d", got, test.want)
			}
			share := childMemory(test.memory, got)
			if share <= 0 || share*int64(got) > test.memory {
				t.Errorf("%d children of %d bytes in a pod of %d", got, share, test.memory)
			}
		})
	}
}

func TestTheSupervisorKeepsToWhatItsChildrenLeave(t *testing.T) {
	for memory, want := range map[int64]int64{
		2 << 30: 96 << 20, 64 << 30: 96 << 20, 512 << 20: 96 << 20, 256 << 20: 96 << 20, 128 << 20: 48 << 20,
	} {
		got := Config{MemoryLimit: memory}.SoftMemoryLimit()
		if got != want {
			t.Errorf("of %d bytes it may have %d, want %d", memory, got, want)
		}
		for _, children := range []int{1, 3, 16} {
			if all := got + int64(children)*childMemory(memory, children); all >= memory {
				t.Errorf("with %d children it comes to %d of %d bytes", children, all, memory)
			}
		}
	}
}
